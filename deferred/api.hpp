// MARLINE_API: what a shared build of marline exports.
#pragma once

/// Marks a class, function or variable that other libraries and programs may use.
///
/// Every module is compiled with hidden visibility; whatever has a body in a .cpp and is named in a
/// public header carries this mark, and so does an exception class (its type_info must be one and
/// the same on both sides of a library's border). Templates and inline functions need none.
#define MARLINE_API [[gnu::visibility("default")]]
