// Other bytes that mean the same, or nearly the same, as given ones: what a parser may take for
// equal and a signature may not. For tests of canonical form; test thread only.
#pragma once

#include <string>

#include "google/protobuf/descriptor.h"
#include "tests/simulation/random.h"

namespace tripoint::exchange {

// `bytes`, a serialised message of `type`, encoded in another way at one place, at any depth:
// fields in another order, twice, split in two, unknown or with their default; a tag, length or
// number in more bytes than it needs; one bit flipped. Never equal to `bytes`, which are not empty.
std::string OtherEncoding(const std::string& bytes, const google::protobuf::Descriptor& type,
                          simulation::Random& random);

}  // namespace tripoint::exchange
