// Numbers and names of own records. See naming.h.
#include "server/operations/naming.h"

#include "proto/contract/reference.h"
#include "server/operations/common.h"
#include "server/operations/recovery.h"
#include "storage/keys.h"
#include "storage/names.h"

namespace tripoint::operations {

absl::StatusOr<DrawnName> DrawIncidentName(const NodeFacts& node,
                                           storage::Transaction& transaction) {
  const int year = YearOf(transaction.now_ms());
  absl::StatusOr<std::uint64_t> number =
      storage::NextNumber(transaction, storage::Kind::kIncident, year);
  if (!number.ok()) return number.status();
  const std::string reference = contract::MakeReference({.kind = contract::ReferenceKind::kIncident,
                                                         .unit_short = node.unit_short,
                                                         .year = year % 100,
                                                         .number = *number});
  return DrawnName{contract::IncidentName(node.unit, reference),
                   storage::RecordNumber(year, *number)};
}

absl::StatusOr<DrawnName> DrawNoticeName(const NodeFacts& node, storage::Transaction& transaction,
                                         bool flash) {
  if (absl::Status may = CheckMaySend(node); !may.ok()) return may;
  const int year = YearOf(transaction.now_ms());
  absl::StatusOr<std::uint64_t> number =
      storage::NextNumber(transaction, storage::Kind::kNotice, year);
  if (!number.ok()) return number.status();
  const std::string reference = contract::MakeReference(
      {.kind = flash ? contract::ReferenceKind::kFlash : contract::ReferenceKind::kNotice,
       .unit_short = node.unit_short,
       .year = year % 100,
       .number = *number});
  return DrawnName{contract::NoticeName(node.unit, reference),
                   storage::RecordNumber(year, *number)};
}

std::string AnyNoticeName(const NodeFacts& node) {
  return contract::NoticeName(node.unit,
                              contract::MakeReference({.kind = contract::ReferenceKind::kNotice,
                                                       .unit_short = node.unit_short,
                                                       .year = 0,
                                                       .number = 1}));
}

}  // namespace tripoint::operations
