// Applies the import rules. Called by the CLI, once for each line of a file.
#include "proto/codes/import_map.h"

#include <algorithm>

namespace tripoint::codes {
namespace {

bool HoldsGoods(const Registry& registry, const ImportFacts& facts, std::string_view wanted) {
  return std::any_of(facts.goods.begin(), facts.goods.end(), [&](const std::string& word) {
    const Code* code = registry.Find("goods", ImportCode(registry, "goods", word));
    return code != nullptr && (code->code == wanted || code->group == wanted);
  });
}

bool ConditionHolds(const Registry& registry, const ImportFacts& facts,
                    std::string_view condition) {
  if (condition.empty()) return true;
  if (condition == "no-persons") return facts.roles.empty();
  if (condition.starts_with("id=")) return facts.id == condition.substr(3);
  if (condition.starts_with("goods=")) return HoldsGoods(registry, facts, condition.substr(6));
  if (condition.starts_with("role=")) {
    return std::find(facts.roles.begin(), facts.roles.end(), condition.substr(5)) !=
           facts.roles.end();
  }
  return false;
}

bool RuleHolds(const Registry& registry, const ImportFacts& facts, std::string_view when) {
  for (;;) {
    const std::size_t end = when.find('&');
    if (!ConditionHolds(registry, facts, when.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    when.remove_prefix(end + 1);
  }
}

}  // namespace

ImportedCategory ImportCategory(const Registry& registry, const ImportFacts& facts) {
  if (const Code* code = registry.Find("categories", facts.category); code != nullptr)
    return {code->code, true};
  const CodeList* rules = registry.List("incident_category_map");
  if (rules == nullptr) return {};
  for (const Code& rule : rules->codes()) {
    if (rule.Column("category") != facts.category ||
        !RuleHolds(registry, facts, rule.Column("when")))
      continue;
    return {std::string(rule.Column("code")), rule.Column("exact") == "yes"};
  }
  return {};
}

std::string ImportCode(const Registry& registry, std::string_view list, std::string_view word) {
  // The data's own word first: `motorbike` says what our list spells otherwise.
  if (const Code* term =
          registry.Find("incident_term_map", std::string(list) + ":" + std::string(word));
      term != nullptr) {
    return std::string(term->Column("to"));
  }
  const Code* code = registry.Find(list, word);
  return code == nullptr ? std::string() : code->code;
}

}  // namespace tripoint::codes
