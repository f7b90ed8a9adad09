// Goal: the whole matrix of roles and permissions, as it was agreed, cell by cell.
#include "server/domain/access.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "proto/contract/error.h"

namespace tripoint::domain {
namespace {

// Rows: permissions in their order. Columns: officer, duty, supervisor, sync, auditor.
constexpr std::array<std::string_view, kPermissionCount> kMatrix = {
    "yyy--",  // read incidents
    "yyy--",  // write incidents
    "yyy--",  // read notices
    "yyy--",  // draft notices
    "yyy--",  // share notices
    "yyy--",  // answer notices
    "--y--",  // release protected
    "yyyyy",  // status
    "yyyyy",  // watch changes
    "yyyyy",  // codes
    "--yy-",  // back up
    "--y--",  // end amnesia
    "yyyyy",  // prove records
    "-yyy-",  // carry bundles
};

TEST(Access, EveryRoleAndPermissionIsAsAgreed) {
  for (int p = 0; p < kPermissionCount; ++p) {
    for (int r = 0; r < kRoleCount; ++r) {
      const Caller caller{.officer = "huy", .roles = {static_cast<Role>(r)}};
      const absl::Status status = CheckPermission(caller, static_cast<Permission>(p));
      const bool expected =
          kMatrix[static_cast<std::size_t>(p)][static_cast<std::size_t>(r)] == 'y';
      EXPECT_EQ(status.ok(), expected) << p << " " << RoleText(static_cast<Role>(r));
      if (!expected) {
        EXPECT_EQ(contract::ReasonOf(status), contract::Reason::kRoleMissing);
      }
    }
  }
}

TEST(Access, SeveralRolesAddUpAndNoneMeansNothing) {
  EXPECT_TRUE(IsPermitted({Role::kSync, Role::kSupervisor}, Permission::kReleaseProtected));
  for (int p = 0; p < kPermissionCount; ++p) {
    EXPECT_FALSE(IsPermitted({}, static_cast<Permission>(p)));
  }
}

TEST(Access, RoleTextsReadBackAndOthersDoNot) {
  for (int r = 0; r < kRoleCount; ++r) {
    EXPECT_EQ(RoleFromText(RoleText(static_cast<Role>(r))), static_cast<Role>(r));
  }
  EXPECT_EQ(RoleFromText("Officer"), std::nullopt);
  EXPECT_EQ(RoleFromText(""), std::nullopt);
}

}  // namespace
}  // namespace tripoint::domain
