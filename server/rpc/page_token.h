// Page tokens: opaque, bound to the query that they continue, and MACed, so that what comes back is
// what was given out. A token grants nothing: permission is checked on every call.
//
// Used by the list handlers. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"

namespace tripoint::rpc {

class PageTokens {
 public:
  // `key`: 32 secret bytes, drawn at each start of the node; tokens end with it.
  explicit PageTokens(std::string key) : key_(std::move(key)) {}

  // Token for `position` (an operations::Page::next) of the list that `query` asked for: the
  // request without page_size and page_token. Empty for an empty position: the end.
  std::string Make(const google::protobuf::MessageLite& query, std::string_view position) const;

  // The position in `token`; empty for an empty token: the beginning.
  // Errors: INVALID_ARGUMENT / PAGE_TOKEN_INVALID: another query, another node, or tampered with.
  absl::StatusOr<std::string> Read(const google::protobuf::MessageLite& query,
                                   std::string_view token) const;

 private:
  std::string Mac(const google::protobuf::MessageLite& query, std::string_view position) const;

  const std::string key_;
};

// The request without what differs from page to page.
template <typename Request>
Request QueryOf(const Request& request) {
  Request query = request;
  query.clear_page_size();
  query.clear_page_token();
  return query;
}

}  // namespace tripoint::rpc
