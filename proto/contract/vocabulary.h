// What the validator must know of code lists and registries; codes::Registry implements it.
//
// Called on every field with a code list, by any thread at once: implementations are immutable.
// It lives here, and not in proto/codes, so that the contract stays below the code lists.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tripoint::contract {

class Vocabulary {
 public:
  virtual ~Vocabulary() = default;

  // Canonical form of `code`, any case, in the list named by a `code_list` rule (also `units` and
  // `gates`); nullopt when the list has no such member. The view lives as long as the vocabulary.
  virtual std::optional<std::string_view> Check(std::string_view list,
                                                std::string_view code) const = 0;

  // Canonical forms of all members, so that the validator knows them without asking; may be empty
  // (then it asks). The views live as long as the vocabulary.
  virtual std::vector<std::string_view> Members(std::string_view /*list*/) const { return {}; }

  // The member nearest to a mistyped `code`, for did-you-mean; empty when none is near.
  virtual std::string Suggest(std::string_view list, std::string_view code) const = 0;
};

}  // namespace tripoint::contract
