// Which role may do what. One table; every call of the API passes it.
//
// Called by server/rpc with the caller that the certificate and the node's list of officers gave.
// Pure; any thread. Roles live in the node, not in the certificate (design.md section 7).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tripoint::domain {

enum class Role : std::uint8_t { kOfficer, kDuty, kSupervisor, kSync, kAuditor };
inline constexpr int kRoleCount = 5;

// `officer` for kOfficer, and back; nullopt for an unknown text.
std::string_view RoleText(Role role);
std::optional<Role> RoleFromText(std::string_view text);

// A set of roles.
class Roles {
 public:
  constexpr Roles() = default;
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) Add(role);
  }
  constexpr void Add(Role role) {
    bits_ = static_cast<std::uint8_t>(bits_ | (1U << static_cast<unsigned>(role)));
  }
  constexpr bool Has(Role role) const { return ((bits_ >> static_cast<unsigned>(role)) & 1U) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  // `officer, supervisor`
  std::string Text() const;

  friend constexpr bool operator==(const Roles&, const Roles&) = default;

 private:
  std::uint8_t bits_ = 0;
};

// Who calls: an officer of this unit, by the id in the certificate.
struct Caller {
  std::string officer;
  Roles roles;
};

enum class Permission : std::uint8_t {
  kReadIncidents,     // get, list, versions
  kWriteIncidents,    // create, update, change state
  kReadNotices,       // get, list, track, inbox
  kDraftNotices,      // create, dry run of a share
  kShareNotices,      // share, revise, withdraw
  kAnswerNotices,     // seen, acknowledged, actioned, declined
  kReleaseProtected,  // share persons under protection
  kReadStatus,        // status, peers: no contents
  kWatchChanges,      // the feed names records and never holds contents
  kReadCodes,         // code lists, units, gates
  kBackUp,            // an encrypted copy of everything
  kEndAmnesia,        // share again before all neighbours have returned what they hold
  kProveRecords,      // evidence without contents, recomputing stored logs
  kCarryBundles,      // make and take in bundles, which are encrypted
};
inline constexpr int kPermissionCount = 14;

bool IsPermitted(const Roles& roles, Permission permission);

// Errors: PERMISSION_DENIED / ROLE_MISSING, naming the roles that would do.
absl::Status CheckPermission(const Caller& caller, Permission permission);

}  // namespace tripoint::domain
