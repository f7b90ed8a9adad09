// Who may call this node at all: officers on one port, paired units on the other. What an officer
// may do is domain/access.h. Immutable; any thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "certs/identity.h"
#include "server/config.h"
#include "server/domain/access.h"

namespace tripoint {

class NodeAccess {
 public:
  // Roles come from the configuration, not from certificates (design.md section 7).
  explicit NodeAccess(const Config& config);

  // The officer of a judged certificate, with the roles that this node gives.
  // Errors: PERMISSION_DENIED / CALLER_UNKNOWN: another unit's, a node's, or not enrolled here.
  absl::StatusOr<domain::Caller> Officer(const certs::UnitIdentity& identity) const;
  // OK for the node of a paired unit. Errors: PERMISSION_DENIED / CALLER_UNKNOWN an officer; /
  // UNIT_NOT_PAIRED.
  absl::Status PeerNode(const certs::UnitIdentity& identity) const;

 private:
  std::string unit_;
  std::map<std::string, domain::Roles, std::less<>> officers_;
  std::set<std::string, std::less<>> peers_;
};

}  // namespace tripoint
