#!/bin/sh
# stands_alone.sh PREFIX TREE: nothing under PREFIX may lead back into TREE, where it was built.
prefix=$1 tree=$2
links=$(find "$prefix" -type l -lname '/*')
named=$(grep -rIl --include='*.cmake' --include='*.pc' --include='*.hpp' -F "$tree" "$prefix")
[ -f "$prefix/include/marline/marline.hpp" ] || { echo "marline.hpp is not installed"; exit 1; }
[ -z "$links" ] || { echo "links out of the prefix: $links"; exit 1; }
[ -z "$named" ] || { echo "files that name $tree: $named"; exit 1; }
