// See backup_note.h.
#include "server/operations/backup_note.h"

#include <algorithm>
#include <memory>

#include "server/operations/common.h"
#include "server/operations/recovery_record.h"

namespace tripoint::operations {

Prepared<bool> NoteBackup(const Actor& actor, std::int64_t begin_time_ms,
                          std::uint64_t change_number) {
  auto result = std::make_shared<bool>(false);
  return {[actor, begin_time_ms, change_number,
           result](storage::Transaction& transaction) -> absl::Status {
            absl::StatusOr<store::v1::NodeRecord> record = ReadNode(transaction);
            if (!record.ok()) return record.status();
            store::v1::BackupMark& mark = *record->mutable_backup();
            if (mark.time_ms() != 0 && mark.change_number() > change_number)
              return absl::OkStatus();
            *result = true;
            mark.set_time_ms(std::max<std::int64_t>(begin_time_ms, 1));
            mark.set_change_number(change_number);
            PutNode(transaction, *record);
            WriteJournal(transaction, {.actor = OfficerActor(actor),
                                       .action = "node.backup",
                                       .names = {},
                                       .count = 0,
                                       .reason = {}});
            return absl::OkStatus();
          },
          result};
}

}  // namespace tripoint::operations
