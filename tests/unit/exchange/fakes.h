// Cheap deterministic signatures and channel contents for tests of the exchange core.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "proto/contract/error.h"
#include "server/exchange/types.h"
#include "tests/simulation/signature.h"

namespace tripoint::exchange {

// Enough for a core that takes signatures on trust of the interface.
inline std::string FakeSignature(std::string_view unit, std::string_view bytes) {
  return simulation::CheapSignature(unit, bytes);
}

class FakeSigner final : public HeadSigner {
 public:
  explicit FakeSigner(std::string unit) : unit_(std::move(unit)) {}
  std::string Certificate() const override { return "certificate of " + unit_; }
  std::string Sign(std::string_view bytes) override { return FakeSignature(unit_, bytes); }

 private:
  const std::string unit_;
};

class FakeVerifier final : public HeadVerifier {
 public:
  explicit FakeVerifier(std::string peer) : peer_(std::move(peer)) {}
  absl::Status Trust(std::string_view certificate) override {
    trusted_ = certificate == "certificate of " + peer_;
    if (trusted_) return absl::OkStatus();
    return contract::Error(absl::StatusCode::kUnauthenticated, Reason::kCertificateUntrusted,
                           "not the peer's signing certificate", "test", "none");
  }
  bool Verify(std::string_view bytes, std::string_view signature) const override {
    return trusted_ && signature == FakeSignature(peer_, bytes);
  }

 private:
  const std::string peer_;
  bool trusted_ = false;
};

inline const char* LaneName(v1::Lane lane) {
  switch (lane) {
    case v1::LANE_FLASH:
      return "flash";
    case v1::LANE_PRIORITY:
      return "priority";
    case v1::LANE_ROUTINE:
      return "routine";
    default:
      return "link";
  }
}

// Envelope `position` of a channel: follows from its place alone.
inline std::string FakeEnvelope(std::string_view sender, std::uint64_t epoch, v1::Lane lane,
                                std::uint64_t position, std::size_t bytes) {
  std::string text = std::string(sender) + "/" + std::to_string(epoch) + "/" + LaneName(lane) +
                     "/" + std::to_string(position);
  if (text.size() < bytes) text.resize(bytes, '.');
  return text;
}

inline Frontier FakeFrontier(std::string_view sender, std::uint64_t epoch, v1::Lane lane,
                             std::uint64_t size, std::size_t bytes) {
  Frontier frontier;
  for (std::uint64_t i = 0; i < size; ++i) {
    frontier.Append(storage::LeafHash(FakeEnvelope(sender, epoch, lane, i, bytes)));
  }
  return frontier;
}

}  // namespace tripoint::exchange
