// Page tokens. See page_token.h. Form: base64url(position, 16 bytes of HMAC-SHA-256).
#include "server/rpc/page_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "absl/strings/escaping.h"
#include "proto/contract/error.h"

namespace tripoint::rpc {
namespace {

constexpr std::size_t kMacBytes = 16;

absl::Status Invalid() {
  return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kPageTokenInvalid,
                         "The page token does not belong to this list",
                         "A token continues the list that it came from, with the same filters, "
                         "until the node starts again.",
                         "Ask for the first page again.");
}

}  // namespace

std::string PageTokens::Mac(const google::protobuf::MessageLite& query,
                            std::string_view position) const {
  // The position comes last and the rest has its length before it, so that no two inputs meet.
  const std::string bytes = query.SerializeAsString();
  std::string input = query.GetTypeName();
  input += '\0';
  input += std::to_string(bytes.size());
  input += '\0';
  input += bytes;
  input += position;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(), digest.data(), &size);
  return {digest.begin(), digest.begin() + kMacBytes};
}

std::string PageTokens::Make(const google::protobuf::MessageLite& query,
                             std::string_view position) const {
  if (position.empty()) return {};
  return absl::WebSafeBase64Escape(std::string(position) + Mac(query, position));
}

absl::StatusOr<std::string> PageTokens::Read(const google::protobuf::MessageLite& query,
                                             std::string_view token) const {
  if (token.empty()) return std::string();
  std::string bytes;
  if (!absl::WebSafeBase64Unescape({token.data(), token.size()}, &bytes) ||
      bytes.size() <= kMacBytes) {
    return Invalid();
  }
  const std::string mac = bytes.substr(bytes.size() - kMacBytes);
  bytes.resize(bytes.size() - kMacBytes);
  if (CRYPTO_memcmp(mac.data(), Mac(query, bytes).data(), kMacBytes) != 0) return Invalid();
  return bytes;
}

}  // namespace tripoint::rpc
