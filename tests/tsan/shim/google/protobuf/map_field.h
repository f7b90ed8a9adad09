// In place of protobuf's header of this name, in the preset `tsan` only: there it gives every map
// two members more, which Debian's libprotobuf and the generated code, both built without
// ThreadSanitizer, do not have.
#pragma once
#pragma GCC system_header  // #include_next is no standard C++

#include <cstddef>  // the standard library has looked at the macro by now: it needs it

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include_next <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
