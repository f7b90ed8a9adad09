// The table of roles and permissions (access.h). Any thread.
#include "server/domain/access.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "proto/contract/error.h"

namespace tripoint::domain {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, kRoleCount> kRoleTexts = {{
    {Role::kOfficer, "officer"},
    {Role::kDuty, "duty"},
    {Role::kSupervisor, "supervisor"},
    {Role::kSync, "sync"},
    {Role::kAuditor, "auditor"},
}};

struct PermissionRow {
  Permission permission;
  std::string_view what;  // completes "may not ..."
  Roles roles;
};

constexpr Roles kDesk = {Role::kOfficer, Role::kDuty, Role::kSupervisor};
constexpr Roles kEverybody = {Role::kOfficer, Role::kDuty, Role::kSupervisor, Role::kSync,
                              Role::kAuditor};

// In the order of the enumeration.
constexpr std::array<PermissionRow, kPermissionCount> kTable = {{
    {Permission::kReadIncidents, "read incidents", kDesk},
    {Permission::kWriteIncidents, "write incidents", kDesk},
    {Permission::kReadNotices, "read notices", kDesk},
    {Permission::kDraftNotices, "draft notices", kDesk},
    {Permission::kShareNotices, "share notices", kDesk},
    {Permission::kAnswerNotices, "answer notices", kDesk},
    {Permission::kReleaseProtected, "release persons under protection", {Role::kSupervisor}},
    {Permission::kReadStatus, "read the status of the node", kEverybody},
    {Permission::kWatchChanges, "follow changes", kEverybody},
    {Permission::kReadCodes, "read code lists", kEverybody},
    {Permission::kBackUp, "make a backup", {Role::kSupervisor, Role::kSync}},
    {Permission::kEndAmnesia, "end the amnesia of the node", {Role::kSupervisor}},
    {Permission::kProveRecords, "have records proven", kEverybody},
    {Permission::kCarryBundles, "carry bundles", {Role::kDuty, Role::kSupervisor, Role::kSync}},
}};

const PermissionRow& RowOf(Permission permission) {
  return kTable[static_cast<std::size_t>(permission)];
}

}  // namespace

std::string_view RoleText(Role role) { return kRoleTexts[static_cast<std::size_t>(role)].second; }

std::optional<Role> RoleFromText(std::string_view text) {
  for (const auto& [role, name] : kRoleTexts) {
    if (name == text) return role;
  }
  return std::nullopt;
}

std::string Roles::Text() const {
  std::string text;
  for (const auto& [role, name] : kRoleTexts) {
    if (!Has(role)) continue;
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

bool IsPermitted(const Roles& roles, Permission permission) {
  for (const auto& [role, name] : kRoleTexts) {
    if (roles.Has(role) && RowOf(permission).roles.Has(role)) return true;
  }
  return false;
}

absl::Status CheckPermission(const Caller& caller, Permission permission) {
  if (IsPermitted(caller.roles, permission)) return absl::OkStatus();
  const PermissionRow& row = RowOf(permission);
  contract::Problem problem;
  problem.reason = contract::Reason::kRoleMissing;
  problem.what = fmt::format("{} may not {}", caller.officer, row.what);
  problem.why = fmt::format("it needs the role {}; {} has {}", row.roles.Text(), caller.officer,
                            caller.roles.empty() ? "none" : caller.roles.Text());
  problem.next = "ask an officer with that role, or have the role given at this node";
  problem.variables = {{"officer", caller.officer},
                       {"roles", caller.roles.Text()},
                       {"roles_needed", row.roles.Text()}};
  return contract::Error(absl::StatusCode::kPermissionDenied, problem);
}

}  // namespace tripoint::domain
