// Countries, nodes and lying certificates for the tests of certs/. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "certs/authority.h"
#include "certs/certificate_maker.h"
#include "certs/trust.h"
#include "proto/contract/error.h"

namespace tripoint::certs {

inline constexpr std::int64_t kNow =
    1'800'000'000;  // 2027-01-15, far from every clock of the machine

// An empty folder under the test's temporary folder, removed at the end.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// A pair as it came from an authority, true or lying.
struct TestPair {
  std::string certificate_pem;
  std::string key_pem;
};

// What a lying certificate may claim. Empty fields: what an honest one of `unit` would say.
struct Lie {
  std::string unit = "vn-tayninh";
  std::string country = {};  // C=
  std::string common_name = {};
  std::vector<std::string> names = {};  // "URI:...", "DNS:..."
  std::vector<std::string> usages = {"serverAuth", "clientAuth"};
  std::string extensions = {};  // instead of names and usages
  std::int64_t not_before_s = kNow - 60;
  std::int64_t not_after_s = kNow + 30 * kDayS;
  bool ed25519 = false;
  std::string ed25519_point = {};  // 32 bytes in place of a key of its own; nobody has its secret
};

// One country: its authority in a folder of its own, and its keys at hand for lying.
class TestCountry {
 public:
  explicit TestCountry(std::string_view country, std::int64_t now_s = kNow);

  TestPair Node(std::string_view unit, std::int64_t now_s = kNow, int days = 0);
  TestPair Officer(std::string_view unit, std::string_view officer, std::int64_t now_s = kNow);
  TestPair Signing(std::string_view unit, std::int64_t now_s = kNow, int days = 0);
  // A certificate that the authority would never make, signed with its key all the same.
  TestPair Forge(const Lie& lie) const;
  CountryFiles Files() const;
  Authority& authority() { return *authority_; }
  X509* root() const { return root_.get(); }
  EVP_PKEY* root_key() const { return key_.get(); }

 private:
  TempFolder folder_;
  std::unique_ptr<Authority> authority_;
  X509Ptr root_;
  KeyPtr key_;
};

// A root of `country` without name constraints, self-signed; `Forge`s like the other.
class UnconstrainedCountry {
 public:
  explicit UnconstrainedCountry(std::string_view country, std::int64_t now_s = kNow);
  TestPair Forge(const Lie& lie) const;
  CountryFiles Files() const;

 private:
  std::string country_;
  X509Ptr root_;
  KeyPtr key_;
};

// A self-signed certificate that claims to be a unit.
TestPair SelfSigned(const Lie& lie);

// Writes <folder>/<stem>.pem and .key (0600).
void WritePair(const std::string& folder, std::string_view stem, const TestPair& pair);
void WriteText(const std::string& path, std::string_view text, unsigned mode = 0644);
unsigned ModeOf(const std::string& path);

std::shared_ptr<const Trust> TrustOf(const std::vector<CountryFiles>& files,
                                     const TrustPolicy& policy = {}, std::int64_t now_s = kNow);

// The reason's code of a status: "OK", "CERTIFICATE_EXPIRED", ...
std::string ReasonOf(const absl::Status& status);

}  // namespace tripoint::certs
