// What one admitted envelope does to the store: a received notice, its withdrawal, or a recipient's
// statement about an own notice.
//
// Used by apply_batch.cc, where the step runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "storage/transaction.h"
#include "tripoint/exchange/v1/envelope.pb.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::operations {

// One for each batch. Borrows for as long as the operation runs.
class TakeIn {
 public:
  // `answers_kept`: this unit's own answers may have come back before what they are about.
  TakeIn(storage::Transaction& transaction, const storage::ChannelName& channel,
         std::uint64_t epoch, bool answers_kept)
      : transaction_(transaction), channel_(channel), epoch_(epoch), answers_kept_(answers_kept) {}

  // Stores what `envelope`, at `position` of the channel, says. A refusal comes before any write.
  // Errors: what is wrong with the envelope (ENVELOPE_CONFLICT, NOT_FOUND, ENVELOPE_WRONG_ORIGIN),
  // or DATA_LOSS and the like when the store fails.
  absl::Status Take(const exchange::v1::Envelope& envelope, std::uint64_t position);

  // Records that changed, each once, at most as many as the journal keeps.
  const std::vector<std::string>& names() const { return names_; }
  // Journal action for what was taken, such as `received.store,statement.store`.
  std::string Action(bool refused) const;

 private:
  absl::Status TakeVersion(const exchange::v1::Envelope& envelope, std::uint64_t position);
  absl::Status TakeWithdrawal(const exchange::v1::Envelope& envelope);
  absl::Status TakeStatement(const exchange::v1::NoticeStatement& statement);
  // ENVELOPE_CONFLICT when `known` came by another envelope that says something else.
  absl::Status CheckSame(const exchange::v1::Envelope& envelope,
                         const store::v1::ReceivedRecord& known) const;
  void Changed(const std::string& name);

  storage::Transaction& transaction_;
  const storage::ChannelName& channel_;
  const std::uint64_t epoch_;
  const bool answers_kept_;
  std::vector<std::string> names_;
  bool received_ = false;
  bool stated_ = false;
};

}  // namespace tripoint::operations
