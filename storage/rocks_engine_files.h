// What single files of a store hold, without opening it. This header shows no RocksDB.
//
// Called by judgement on what was put aside. One thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripoint::storage {

// Whether a batch, as the log has it, writes a key of [lower, upper). What is no batch writes none.
bool BatchHolds(std::string_view batch, std::string_view lower, std::string_view upper);

// Whether the table has a key of [lower, upper). Errors: DATA_LOSS / CORRUPT it is no whole table.
absl::StatusOr<bool> TableHolds(const std::string& path, std::string_view lower,
                                std::string_view upper);

}  // namespace tripoint::storage
