// One record of a file as an incident: from the public data set's JSON, from our own export, or
// from a CSV row.
//
// Pure but for the clock in `now_ms`. Called by import_reader.cc, one record at a time. The words
// of the data become codes by proto/codes/import_map.h; what has no code becomes `other` with the
// word kept as description.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/context.h"
#include "tripoint/v1/incident.pb.h"

namespace tripoint::client {

struct ImportRecord {
  v1::Incident incident;
  // What --filter looks at: country, province, gate, category, event_kind.
  std::map<std::string, std::string> facets;
  // What an officer should look at, such as a category that fits only roughly.
  std::vector<std::string> notes;
  // Name of a record of this very node, when the file is our own export; empty otherwise.
  std::string own_name;
};

// Reads one JSON object. Errors: INVALID_ARGUMENT with what is wrong with it.
absl::StatusOr<ImportRecord> RecordFromJson(const Context& context, std::string_view json);

// Reads one CSV row; `cells` by field name (help import). Errors: INVALID_ARGUMENT.
absl::StatusOr<ImportRecord> RecordFromCells(Context& context,
                                             const std::map<std::string, std::string>& cells);

// Names of the fields that a CSV column may be mapped to.
const std::vector<std::string>& CsvFields();

// The field that a column of this name is without any mapping; empty when none.
std::string UsualField(std::string_view column);

// UUID made from `content`, always the same: a repeated import repeats its request ids.
std::string ContentUuid(std::string_view content);

// Unit (valid today) to which a record belongs: by its province, else the one with the nearest
// middle; with `among`, the nearest of these, those of the record's country first. Empty when
// nothing says where it was.
std::string UnitOfRecord(Context& context, const ImportRecord& record,
                         const std::vector<std::string>& among);

}  // namespace tripoint::client
