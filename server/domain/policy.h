// THE policy: decides, field by field and recipient by recipient, what a share would send.
//
// One pure evaluator for the dry run, the share itself, every revision and the check at the border.
// What no rule releases is held: a field that is new in the proto stays here until it has a row in
// the table of policy.cc. Called by notice.cc and admission.cc; any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/contract/vocabulary.h"
#include "server/domain/handling.h"
#include "tripoint/v1/entities.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::domain {

// What the rules look at beside the facts.
struct PolicyInput {
  std::string_view kind_code = {};
  Handling handling = {};
  std::string_view basis = {};     // empty: persons are held
  bool release_protected = false;  // a supervisor released persons under protection
  bool from_incident = false;      // the account was written for the record, not for the share
};

// Recipients that get exactly the same; one envelope serves them all.
struct RecipientGroup {
  std::vector<std::string> units;        // in order
  v1::Facts facts;                       // what they get
  std::vector<std::string> held_fields;  // `persons: 2`, without content
  // Who gets which field by which rule: a cell for each filled field, element and part that a rule
  // of its own decides, in the order of the proto. One for all, unless what is held is held for
  // different reasons. Never one for each recipient: no rule looks at more than a country.
  std::vector<v1::DisclosureGroup> matrix;
};

struct Disclosure {
  std::vector<RecipientGroup> groups;
};

// `units` has passed CheckAudience.
Disclosure Evaluate(const v1::Facts& facts, const PolicyInput& input,
                    const std::vector<std::string>& units);

// Name of the rule that decides a leaf of Facts, by its proto path without indexes, such as
// `vehicles.plate`; empty when no rule does, which means it is held. For tests and `why`.
std::string_view RuleOfField(std::string_view path);

// Whether a person in this role is under protection (victims, rescued, missing, witnesses,
// children). Every role that is not known to be plain is protected.
bool IsProtectedRole(std::string_view role_code);

// The audience in canonical form: sorted, each unit once. Errors: INVALID_ARGUMENT /
// AUDIENCE_EMPTY, / AUDIENCE_SELF, / UNIT_UNKNOWN with did-you-mean; FAILED_PRECONDITION /
// UNIT_NOT_PAIRED with the paired units; INVALID_ARGUMENT / TOO_LARGE over 64 units.
absl::StatusOr<std::vector<std::string>> CheckAudience(
    std::string_view self, const std::vector<std::string>& units,
    const std::set<std::string, std::less<>>& paired, const contract::Vocabulary& vocabulary);

}  // namespace tripoint::domain
