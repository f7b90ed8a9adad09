// See list.h.
#include "storage/list.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "proto/contract/error.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

// What a search costs, in steps of a cursor, and how many steps are tried before one. Filters that
// meet often are a few entries apart.
constexpr std::size_t kStepsOfSeek = 8;
constexpr std::size_t kStepsBeforeSeek = 6;

// Sort keys of one value of one field, from `begin` on, in order.
class ValueCursor {
 public:
  ValueCursor(const Snapshot& snapshot, Space space, std::uint8_t field, std::string_view value,
              std::string_view begin)
      : prefix_(IndexPrefix(space, field, value).ToString()),
        cursor_(snapshot.NewCursor(prefix_ + std::string(begin), PrefixEnd(prefix_))) {}

  bool Valid() const { return cursor_->Valid(); }
  std::string_view sort_key() const { return cursor_->key().substr(prefix_.size()); }
  absl::Status status() const { return cursor_->status(); }
  // Goes forward to the first sort key >= `target`. Adds the steps that it cost.
  void Seek(std::string_view target, std::size_t& steps) {
    for (std::size_t tried = 0; tried < kStepsBeforeSeek; ++tried) {
      if (!Valid() || sort_key() >= target) return;
      cursor_->Next();
      ++steps;
    }
    if (!Valid() || sort_key() >= target) return;
    target_.assign(prefix_);
    target_.append(target);
    cursor_->Seek(target_);
    steps += kStepsOfSeek;
  }

 private:
  const std::string prefix_;
  std::unique_ptr<Cursor> cursor_;
  std::string target_;
};

// Sort keys of any of the values of a term, in order. A record has one value of a field that is
// asked for like this, or the same sort key under several; both give each sort key once.
class TermCursor {
 public:
  TermCursor(const Snapshot& snapshot, Space space, const Term& term, std::string_view begin) {
    values_.reserve(term.any_of.size());
    for (const std::string& value : term.any_of)
      values_.emplace_back(snapshot, space, term.field, value, begin);
  }

  // The first sort key >= `target`, or nullopt at the end. `steps` counts what it cost.
  absl::StatusOr<std::optional<std::string_view>> Seek(std::string_view target,
                                                       std::size_t& steps) {
    std::optional<std::string_view> least;
    for (ValueCursor& value : values_) {
      if (value.Valid() && value.sort_key() < target) value.Seek(target, steps);
      if (!value.Valid()) {
        if (const absl::Status status = value.status(); !status.ok()) return status;
        continue;
      }
      if (value.sort_key().size() != kSortKeyBytes) return DamagedRecord();
      if (!least.has_value() || value.sort_key() < *least) least = value.sort_key();
    }
    return least;
  }

 private:
  std::vector<ValueCursor> values_;
};

// Makes it the sort key right after `sort_key`. False: there is none.
bool Advance(std::string& sort_key) {
  for (std::size_t i = sort_key.size(); i-- > 0;) {
    sort_key[i] = static_cast<char>(static_cast<std::uint8_t>(sort_key[i]) + 1);
    if (sort_key[i] != '\0') return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ValuesOf(const Snapshot& snapshot, Space space,
                                                  std::uint8_t field, std::string_view prefix,
                                                  std::size_t count_max) {
  std::vector<std::string> values;
  std::string begin = IndexPrefix(space, field, prefix).ToString();
  begin.pop_back();  // the end of the text: the value may go on
  const std::size_t value_at = begin.size() - prefix.size();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(begin, PrefixEnd(begin));
  while (cursor->Valid() && values.size() < count_max) {
    const std::string_view rest = cursor->key().substr(value_at);
    values.emplace_back(rest.substr(0, rest.find('\0')));
    cursor->Seek(PrefixEnd(IndexPrefix(space, field, values.back())));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return values;
}

absl::StatusOr<IndexPage> QueryIndex(const Snapshot& snapshot, const IndexQuery& query) {
  if (!query.resume.empty() && query.resume.size() != kSortKeyBytes) {
    return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kPageTokenInvalid,
                           "The page token does not belong to this list.",
                           "It was made by another node or query.",
                           "List again from the first page.");
  }
  // Newest first: the list begins just before `until` and ends with `from`.
  std::string candidate(kSortKeyBytes, '\0');
  if (query.time_ms_until > 0) candidate = SortKey(query.time_ms_until - 1, ~std::uint64_t{0});
  candidate = std::max(candidate, query.resume);
  const std::string last =
      query.time_ms_from > 0 ? SortKey(query.time_ms_from, 0) : std::string(kSortKeyBytes, '\xff');

  std::vector<TermCursor> terms;
  terms.reserve(query.terms.size());
  for (const Term& term : query.terms) terms.emplace_back(snapshot, query.space, term, candidate);

  IndexPage page;
  std::size_t steps = 0;
  std::size_t agreeing = 0;  // terms that are at `candidate`, counted from the one that set it
  for (std::size_t turn = 0; !terms.empty(); turn = (turn + 1) % terms.size()) {
    const absl::StatusOr<std::optional<std::string_view>> found =
        terms[turn].Seek(candidate, steps);
    if (!found.ok()) return found.status();
    if (!found->has_value() || **found > last) return page;
    agreeing = **found == candidate ? agreeing + 1 : 1;
    candidate.assign(**found);
    if (agreeing == terms.size()) {
      page.numbers.push_back(SortKeyNumber(candidate));
      if (!Advance(candidate)) return page;
      agreeing = 0;
    }
    if (page.numbers.size() >= query.limit || steps >= query.steps_max) {
      page.resume = candidate;
      return page;
    }
  }
  return page;
}

}  // namespace tripoint::storage
