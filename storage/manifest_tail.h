// The end of RocksDB's manifest: what a power cut left behind the last whole edit. RocksDB itself
// puts up with an end that is cut off, but refuses one with zeros or garbage behind it.
//
// Called by put_aside when no way of opening bears the manifest. Pure; any thread. The format:
// log_records.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tripoint::storage {

// More than this is never cut: it is more than the disk is handed between two syncs of a manifest.
inline constexpr std::size_t kManifestTailMax = 256u << 10;

// Where the last whole edit ends, if only a torn end follows. nullopt: nothing is torn, there is no
// whole edit before, the end is longer than kManifestTailMax, or a whole record stands in it: that
// is damage in the middle, and what follows was written and perhaps synced after it.
std::optional<std::size_t> WholeManifestBytes(std::string_view manifest);

}  // namespace tripoint::storage
