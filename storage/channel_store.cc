// See channel_store.h.
#include "storage/channel_store.h"

#include <memory>
#include <utility>

#include "proto/contract/error.h"
#include "storage/channel_log.h"
#include "storage/keys.h"
#include "storage/outbound_log.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Reason;
using store::v1::InboundChannel;
using store::v1::OutboundChannel;
using store::v1::QuarantineRecord;

constexpr std::size_t kReceiptTimeBytes = 16;  // size be64, time be64

template <typename Channel>
absl::StatusOr<Channel> ReadChannel(const Reader& reader, Space space, const ChannelName& channel) {
  absl::StatusOr<std::optional<Channel>> state =
      ReadRecord<Channel>(reader, ChannelKey(space, channel.peer, channel.lane));
  if (!state.ok()) return state.status();
  return state->has_value() ? std::move(**state) : Channel();
}

void KeepFrontier(Transaction& transaction, Space space, const ChannelName& channel,
                  std::uint64_t epoch, const Frontier& frontier) {
  if (frontier.size() % kFrontierEvery != 0) return;
  transaction.Put(EntryKey(space, channel.peer, channel.lane, epoch, frontier.size()),
                  frontier.Encode());
}

// Reads envelopes whose numbers climb, as those of a channel do: the first by its key, the others
// mostly as the next ones of a cursor, which costs a step instead of a search.
class EnvelopeReader {
 public:
  EnvelopeReader(const Snapshot& snapshot, std::uint64_t epoch)
      : snapshot_(snapshot), epoch_(epoch) {}

  // nullopt: there is none of this number.
  absl::StatusOr<std::optional<std::string>> Read(std::uint64_t number) {
    const Key wanted = EnvelopeKey(epoch_, number);
    if (!std::exchange(begun_, true)) return snapshot_.Get(wanted);
    if (cursor_ == nullptr) {
      cursor_ = snapshot_.NewCursor(wanted, PrefixEnd(Key(Space::kEnvelope).U64(epoch_)));
    } else {
      for (int steps = 0; cursor_->Valid() && cursor_->key() < wanted && steps < kStepsMax; ++steps)
        cursor_->Next();
      if (!cursor_->Valid() || cursor_->key() != std::string_view(wanted)) cursor_->Seek(wanted);
    }
    if (!cursor_->Valid()) {
      if (const absl::Status status = cursor_->status(); !status.ok()) return status;
      return std::nullopt;
    }
    if (cursor_->key() != std::string_view(wanted)) return std::nullopt;
    return std::make_optional(std::string(cursor_->value()));
  }

 private:
  static constexpr int kStepsMax = 4;  // beyond, a search is cheaper

  const Snapshot& snapshot_;
  const std::uint64_t epoch_;
  bool begun_ = false;
  std::unique_ptr<Cursor> cursor_;
};

// The envelope of an entry, from `shared` or the store; nullopt: its bytes are not those of its
// leaf. Errors: DATA_LOSS / CORRUPT it is missing; what reading gives.
absl::StatusOr<std::optional<std::string>> ReadCompared(EnvelopeReader& reader,
                                                        const ChannelName& channel,
                                                        std::uint64_t position,
                                                        const OutboundEntry& entry,
                                                        SharedEnvelopes* shared) {
  if (shared != nullptr) {
    if (const std::string* known = shared->Find(entry.leaf_hash); known != nullptr)
      return std::make_optional(*known);
  }
  absl::StatusOr<std::optional<std::string>> envelope = reader.Read(entry.envelope_number);
  if (!envelope.ok()) return envelope;
  if (!envelope->has_value()) return ChannelHole(channel, position);
  if (LeafHash(**envelope) != entry.leaf_hash) return std::nullopt;
  if (shared != nullptr) shared->Keep(entry.leaf_hash, **envelope);
  return envelope;
}

}  // namespace

absl::StatusOr<Frontier> FrontierOf(std::uint64_t size, std::string_view hashes) {
  return Frontier::Decode(U64Bytes(size).append(hashes));
}

std::string FrontierHashes(const Frontier& frontier) { return frontier.Encode().substr(8); }

void PutEnvelope(Transaction& transaction, std::uint64_t number, std::string_view bytes) {
  transaction.Put(EnvelopeKey(transaction.epoch(), number), bytes);
}

absl::StatusOr<std::optional<std::string>> GetEnvelope(const Reader& reader, std::uint64_t epoch,
                                                       std::uint64_t number) {
  return reader.Get(EnvelopeKey(epoch, number));
}

absl::StatusOr<OutboundChannel> GetOutboundChannel(const Reader& reader,
                                                   const ChannelName& channel) {
  absl::StatusOr<OutboundChannel> state =
      ReadChannel<OutboundChannel>(reader, Space::kOutboundChannel, channel);
  if (!state.ok()) return state;
  const absl::StatusOr<OutboundTail> tail = GetOutboundTail(reader, channel);
  if (!tail.ok()) return tail.status();
  if (tail->frontier.size() != 0 && tail->epoch != state->epoch()) return DamagedRecord();
  // Without its tail a channel would begin again in the same epoch and fork.
  if (state->receipted_size() > tail->frontier.size()) return DamagedRecord();
  state->set_size(tail->frontier.size());
  state->set_frontier(FrontierHashes(tail->frontier));
  return state;
}

absl::StatusOr<bool> GetOutboundReceipts(const Reader& reader, const ChannelName& channel,
                                         std::uint64_t epoch, OutboundChannel& state) {
  const auto read = [&](std::string_view key) -> absl::StatusOr<bool> {
    const absl::StatusOr<std::optional<std::string>> bytes = reader.Get(key);
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) return false;
    if (!state.ParseFromString(**bytes)) return DamagedRecord();
    return true;
  };
  const absl::StatusOr<bool> present =
      read(ChannelKey(Space::kOutboundChannel, channel.peer, channel.lane));
  if (!present.ok() || (*present && state.epoch() == epoch)) return present;
  return read(PastChannelKey(Space::kOutboundPast, channel.peer, channel.lane, epoch));
}

void PutOutboundReceipts(Transaction& transaction, const ChannelName& channel,
                         const OutboundChannel& state) {
  OutboundChannel stored = state;
  stored.clear_size();
  stored.clear_frontier();
  WriteRecord(transaction, ChannelKey(Space::kOutboundChannel, channel.peer, channel.lane), stored);
}

absl::StatusOr<OutboundTail> BeginOutboundEpoch(Transaction& transaction,
                                                const ChannelName& channel, OutboundTail before) {
  const absl::StatusOr<OutboundChannel> present = GetOutboundChannel(transaction, channel);
  if (!present.ok()) return present.status();
  if (before.frontier.size() != 0) {
    CloseTail(transaction, channel, before);
    OutboundChannel past = *present;
    past.set_carry_first(past.receipted_size());
    past.set_carry_next(past.receipted_size());
    past.set_carry_end(past.size());
    WriteRecord(transaction,
                PastChannelKey(Space::kOutboundPast, channel.peer, channel.lane, before.epoch),
                past);
  }
  OutboundChannel fresh;
  fresh.set_epoch(transaction.epoch());
  PutOutboundReceipts(transaction, channel, fresh);
  return OutboundTail{.epoch = transaction.epoch(), .frontier = {}, .open = {}};
}

absl::StatusOr<std::uint64_t> AppendOutbound(Transaction& transaction, const ChannelName& channel,
                                             std::uint64_t envelope_number, const Hash& leaf_hash) {
  absl::StatusOr<OutboundTail> tail = GetOutboundTail(transaction, channel);
  if (tail.ok() && tail->epoch != transaction.epoch())
    tail = BeginOutboundEpoch(transaction, channel, *std::move(tail));
  if (!tail.ok()) return tail.status();
  const std::uint64_t position = tail->frontier.size();
  AppendEntry(transaction, channel, {envelope_number, transaction.now_ms(), leaf_hash}, *tail);
  PutOutboundTail(transaction, channel, *tail);
  KeepOutboundFrontier(transaction, channel, tail->epoch, tail->frontier);
  transaction.ChannelGrew(channel);
  return position;
}

void AddReceiptTime(OutboundChannel& state, std::uint64_t size, std::int64_t time_ms) {
  std::string& times = *state.mutable_receipt_times();
  times += U64Bytes(size);
  times += U64Bytes(static_cast<std::uint64_t>(time_ms));
  constexpr std::size_t kBytesMax = kReceiptTimesMax * kReceiptTimeBytes;
  if (times.size() > kBytesMax) times.erase(0, times.size() - kBytesMax);
}

std::int64_t ReceiptTimeOf(const OutboundChannel& state, std::uint64_t position) {
  std::string_view times = state.receipt_times();
  // Mostly what was just sent is asked for, which is in none of them.
  if (times.size() < kReceiptTimeBytes ||
      position >= ReadU64(times.substr(times.size() - kReceiptTimeBytes))) {
    return 0;
  }
  // Once times were dropped, what lies below the oldest one may have been receipted before it.
  const bool complete = times.size() < kReceiptTimesMax * kReceiptTimeBytes;
  if (!complete && position < ReadU64(times)) return 0;
  for (; times.size() >= kReceiptTimeBytes; times.remove_prefix(kReceiptTimeBytes)) {
    if (position < ReadU64(times)) return static_cast<std::int64_t>(ReadU64(times.substr(8)));
  }
  return 0;
}

absl::StatusOr<bool> EnterReceipt(OutboundChannel& state, std::uint64_t epoch,
                                  const Frontier& receipted, std::string_view signature) {
  if (epoch != state.epoch() || receipted.size() > state.size()) {
    return Error(absl::StatusCode::kAborted, Reason::kLinkProtocol,
                 "A receipt covers more than was sent, or another epoch",
                 "A receipt is the signed head of what this node sent.",
                 "Report it to the peer's operators; the link starts again.");
  }
  if (receipted.size() <= state.receipted_size()) return false;
  const absl::StatusOr<Frontier> sent = FrontierOf(state.size(), state.frontier());
  if (!sent.ok()) return sent.status();
  if (!receipted.MayBegin(*sent)) {
    return Error(absl::StatusCode::kDataLoss, Reason::kChannelFork,
                 "A receipt is over other envelopes than those that were sent",
                 "Its root differs from the root of this channel at the same size.",
                 "Keep the channel stopped and call the peer's operators.");
  }
  state.set_receipted_size(receipted.size());
  state.set_receipted_frontier(FrontierHashes(receipted));
  state.set_receipt_signature(std::string(signature));
  return true;
}

absl::StatusOr<std::vector<ChannelEnvelope>> ReadOutbound(
    const Snapshot& snapshot, const ChannelName& channel, std::uint64_t epoch, std::uint64_t first,
    std::size_t count_max, std::size_t bytes_max, SharedEnvelopes* shared) {
  std::vector<ChannelEnvelope> envelopes;
  std::size_t bytes = 0;
  OutboundEntries entries(snapshot, channel, epoch, first);
  EnvelopeReader reader(snapshot, epoch);
  while (envelopes.size() < count_max && bytes < bytes_max) {
    const absl::StatusOr<std::optional<OutboundEntry>> entry = entries.Next();
    if (!entry.ok()) return entry.status();
    if (!entry->has_value()) break;
    const std::uint64_t position = first + envelopes.size();
    absl::StatusOr<std::optional<std::string>> envelope =
        ReadCompared(reader, channel, position, **entry, shared);
    if (!envelope.ok()) return envelope.status();
    if (!envelope->has_value()) {
      if (envelopes.empty()) return ChannelAltered(channel, position);
      break;
    }
    if (!envelopes.empty() && bytes + (*envelope)->size() > bytes_max) break;
    bytes += (*envelope)->size();
    envelopes.push_back({**std::move(envelope), (*entry)->leaf_hash});
  }
  return envelopes;
}

absl::StatusOr<Frontier> OutboundFrontierAt(const Snapshot& snapshot, const ChannelName& channel,
                                            std::uint64_t size) {
  const absl::StatusOr<OutboundChannel> state = GetOutboundChannel(snapshot, channel);
  if (!state.ok()) return state.status();
  if (size > state->size()) {
    return Error(
        absl::StatusCode::kOutOfRange, Reason::kFieldInvalid, "The channel is not that long.",
        "It has " + std::to_string(state->size()) + " envelopes.", "Ask for a size up to that.");
  }
  if (size == state->size()) return FrontierOf(size, state->frontier());
  Frontier near;
  if (state->receipted_size() <= size) {
    absl::StatusOr<Frontier> receipted =
        FrontierOf(state->receipted_size(), state->receipted_frontier());
    if (!receipted.ok()) return receipted;
    near = *std::move(receipted);
  }
  return FrontierAt(snapshot, {.outbound = true, .channel = channel, .epoch = state->epoch()}, size,
                    std::move(near));
}

absl::StatusOr<InboundChannel> GetInboundChannel(const Reader& reader, const ChannelName& channel) {
  return ReadChannel<InboundChannel>(reader, Space::kInboundChannel, channel);
}

absl::Status PutInboundChannel(Transaction& transaction, const ChannelName& channel,
                               const InboundChannel& state) {
  const absl::StatusOr<InboundChannel> before = GetInboundChannel(transaction, channel);
  if (!before.ok()) return before.status();
  if (before->size() != 0 && before->epoch() != state.epoch()) {
    WriteRecord(transaction,
                PastChannelKey(Space::kInboundPast, channel.peer, channel.lane, before->epoch()),
                *before);
  }
  WriteRecord(transaction, ChannelKey(Space::kInboundChannel, channel.peer, channel.lane), state);
  return absl::OkStatus();
}

void PutInboundEntry(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                     std::uint64_t position, std::string_view bytes) {
  transaction.Put(EntryKey(Space::kInboundEntry, channel.peer, channel.lane, epoch, position),
                  bytes);
}

absl::StatusOr<std::optional<std::string>> GetInboundEntry(const Reader& reader,
                                                           const ChannelName& channel,
                                                           std::uint64_t epoch,
                                                           std::uint64_t position) {
  return reader.Get(EntryKey(Space::kInboundEntry, channel.peer, channel.lane, epoch, position));
}

void KeepInboundFrontier(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                         const Frontier& frontier) {
  KeepFrontier(transaction, Space::kInboundFrontier, channel, epoch, frontier);
}

void KeepOutboundFrontier(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                          const Frontier& frontier) {
  KeepFrontier(transaction, Space::kOutboundFrontier, channel, epoch, frontier);
}

std::string CertificateId(std::string_view pem) {
  return pem.empty() ? std::string() : std::string(HashView(Sha256(pem)).substr(0, 16));
}

absl::Status KeepCertificate(Transaction& transaction, std::string_view id, std::string_view pem) {
  const absl::StatusOr<std::optional<std::string>> known = transaction.Get(CertificateKey(id));
  if (!known.ok()) return known.status();
  if (known->has_value()) return absl::OkStatus();
  store::v1::SignerCertificate record;
  record.set_certificate_pem(std::string(pem));
  record.set_first_time_ms(transaction.now_ms());
  WriteRecord(transaction, CertificateKey(id), record);
  return absl::OkStatus();
}

absl::StatusOr<std::string> GetCertificate(const Reader& reader, std::string_view id) {
  if (id.empty()) return std::string();
  absl::StatusOr<std::optional<store::v1::SignerCertificate>> record =
      ReadRecord<store::v1::SignerCertificate>(reader, CertificateKey(id));
  if (!record.ok()) return record.status();
  if (!record->has_value()) return DamagedRecord();
  return std::move(*(*record)->mutable_certificate_pem());
}

void PutQuarantine(Transaction& transaction, const QuarantineRecord& record) {
  WriteRecord(
      transaction,
      QuarantineKey(record.outbound(), record.unit(), static_cast<std::uint8_t>(record.lane()),
                    record.epoch(), record.position()),
      record);
}

absl::StatusOr<std::optional<QuarantineRecord>> GetQuarantine(const Reader& reader, bool outbound,
                                                              const ChannelName& channel,
                                                              std::uint64_t epoch,
                                                              std::uint64_t position) {
  return ReadRecord<QuarantineRecord>(
      reader, QuarantineKey(outbound, channel.peer, channel.lane, epoch, position));
}

absl::StatusOr<QuarantinePage> ListQuarantine(const Snapshot& snapshot, std::string_view resume,
                                              std::size_t limit) {
  const std::string prefix = Key(Space::kQuarantine).ToString();
  if (!resume.empty() && resume.substr(0, 1) != prefix) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kPageTokenInvalid,
                 "The page token does not belong to this list.",
                 "It was made by another node or query.", "List again from the first page.");
  }
  QuarantinePage page;
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(resume.empty() ? prefix : resume, PrefixEnd(prefix));
  for (; cursor->Valid(); cursor->Next()) {
    if (page.records.size() == limit) {
      page.resume = std::string(cursor->key());
      return page;
    }
    absl::StatusOr<QuarantineRecord> record = ParseRecord<QuarantineRecord>(cursor->value());
    if (!record.ok()) return record.status();
    page.records.push_back(std::move(*record));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return page;
}

}  // namespace tripoint::storage
