// A signature that costs little and that nobody else makes: SHA-256 over signer and bytes, twice.
// The simulation is about order and loss; Ed25519 has its own tests. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "storage/merkle.h"

namespace tripoint::simulation {

inline std::string CheapSignature(std::string_view signer, std::string_view bytes) {
  std::string text(signer);
  text.push_back('\0');
  text += bytes;
  const storage::Hash hash = storage::Sha256(text);
  return std::string(storage::HashView(hash)) + std::string(storage::HashView(hash));
}

}  // namespace tripoint::simulation
