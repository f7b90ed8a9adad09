// Keeps the index entries of a record in step with it; inside storage only.
//
// A record type has a function Visit(record, visit) that calls visit(field, value) for each value
// it is found by.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "storage/keys.h"
#include "storage/transaction.h"

namespace tripoint::storage {

template <typename Record, typename Visit>
void PutIndex(Transaction& transaction, Space space, const Record& record,
              std::string_view sort_key, Visit visit) {
  visit(record, [&](std::uint8_t field, std::string_view value) {
    transaction.Put(IndexKey(space, field, value, sort_key), {});
  });
}

// Deletes what `before` had and `after` has not, puts what is new, and leaves the rest alone.
template <typename Record, typename Visit>
void MoveIndex(Transaction& transaction, Space space, const Record& before,
               std::string_view sort_key_before, const Record& after,
               std::string_view sort_key_after, Visit visit) {
  if (sort_key_before != sort_key_after) {  // every entry moves
    visit(before, [&](std::uint8_t field, std::string_view value) {
      transaction.Delete(IndexKey(space, field, value, sort_key_before));
    });
    PutIndex(transaction, space, after, sort_key_after, visit);
    return;
  }
  const auto keys_of = [&](const Record& record, std::string_view sort_key) {
    std::vector<std::string> keys;
    visit(record, [&](std::uint8_t field, std::string_view value) {
      keys.push_back(IndexKey(space, field, value, sort_key).ToString());
    });
    std::sort(keys.begin(), keys.end());
    return keys;
  };
  const std::vector<std::string> old_keys = keys_of(before, sort_key_before);
  const std::vector<std::string> new_keys = keys_of(after, sort_key_after);
  for (const std::string& key : old_keys) {
    if (!std::binary_search(new_keys.begin(), new_keys.end(), key)) transaction.Delete(key);
  }
  for (const std::string& key : new_keys) {
    if (!std::binary_search(old_keys.begin(), old_keys.end(), key)) transaction.Put(key, {});
  }
}

}  // namespace tripoint::storage
