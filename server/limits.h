// Every size and count that bounds the node, in one place, with the relations they must keep.
//
// Constants only. What a field may hold stands beside the field (proto/tripoint/v1/rules.proto).
#pragma once

#include <cstddef>
#include <cstdint>

namespace tripoint::limits {

inline constexpr std::size_t kKibibyte = 1024;
inline constexpr std::size_t kMebibyte = 1024 * kKibibyte;

// Operators' API: one request or answer message.
inline constexpr std::size_t kApiMessageBytesMax = 4 * kMebibyte;
// One stream of RecordIncidents or ShareNotices: batches, and bytes of them, that are not answered
// yet; while there are as many, the next is not read. And such streams at a time.
inline constexpr std::size_t kStreamBatchesMax = 8;
inline constexpr std::size_t kStreamBytesMax = 4 * kMebibyte;
inline constexpr std::size_t kBatchStreamsMax = 64;
inline constexpr int kPageSizeDefault = 50;
inline constexpr int kPageSizeMax = 500;
// An answer page stops adding records here, so that it fits a message.
inline constexpr std::size_t kPageBytesMax = 3 * kMebibyte;

// One incident or notice as stored, and the envelope that carries a notice.
inline constexpr std::size_t kRecordBytesMax = 224 * kKibibyte;
inline constexpr std::size_t kEnvelopeBytesMax = 256 * kKibibyte;
// Units of one audience (also the `max_items` of the fields).
inline constexpr std::size_t kAudienceMax = 64;

// Exchange: one frame of the stream, and of it the envelopes and the rest.
inline constexpr std::size_t kFrameBytesMax = 1 * kMebibyte;
inline constexpr std::size_t kFrameOverheadBytesMax = 64 * kKibibyte;
inline constexpr std::size_t kBatchBytesMax = 512 * kKibibyte;
inline constexpr std::size_t kBatchEnvelopesMax = 1024;
// Sent and not yet receipted, for each lane of a link.
inline constexpr std::size_t kInFlightBytesMax = 2 * kMebibyte;
inline constexpr std::size_t kInFlightBatchesMax = 8;
// Refusals that one receipt names: it may receipt a whole window at once.
inline constexpr std::size_t kReceiptRefusalsMax = kInFlightBatchesMax * kBatchEnvelopesMax;
// Refused envelopes of one channel from a peer that are stored, and how fast room for more comes.
inline constexpr std::int64_t kRefusedBytesBurst = 16 * kMebibyte;
inline constexpr std::int64_t kRefusedBytesASecond = kKibibyte;
inline constexpr std::size_t kSigningCertificateBytesMax = 8 * kKibibyte;
// Neighbours of a node; at most 3 in the field, and room to grow.
inline constexpr std::size_t kPeersMax = 64;

static_assert(kRecordBytesMax < kEnvelopeBytesMax, "a notice fits its envelope");
static_assert(kEnvelopeBytesMax <= kBatchBytesMax, "a batch holds at least one envelope");
static_assert(kBatchBytesMax + kFrameOverheadBytesMax <= kFrameBytesMax, "a batch fits a frame");
static_assert(kReceiptRefusalsMax * 48 + kFrameOverheadBytesMax <= kFrameBytesMax,
              "a receipt fits a frame");
static_assert(kInFlightBytesMax >= 2 * kBatchBytesMax, "one batch travels while one is prepared");
static_assert(kFrameBytesMax <= kApiMessageBytesMax, "one receive limit serves both ports");
static_assert(kPageBytesMax + kRecordBytesMax <= kApiMessageBytesMax, "a page fits a message");
static_assert(kPageSizeDefault <= kPageSizeMax);
static_assert(kAudienceMax >= kPeersMax, "all neighbours may be one audience");

}  // namespace tripoint::limits
