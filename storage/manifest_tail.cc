// See manifest_tail.h.
#include "storage/manifest_tail.h"

#include "storage/log_records.h"

namespace tripoint::storage {

std::optional<std::size_t> WholeManifestBytes(std::string_view manifest) {
  std::size_t whole = 0;
  std::size_t at = 0;
  bool within_edit = false;
  while (at < manifest.size()) {
    if (LeftOfBlock(at) < kFragmentHeaderBytes) {
      at += LeftOfBlock(at);  // no fragment begins there
      continue;
    }
    const std::optional<Fragment> fragment = FragmentAt(manifest, at, kAnyFragmentType);
    if (!fragment.has_value()) break;
    const bool begins = fragment->type == kWhole || fragment->type == kFirst;
    if (fragment->type > kLast || begins == within_edit)
      return std::nullopt;  // no torn end does so
    within_edit = fragment->type == kFirst || fragment->type == kMiddle;
    at = fragment->end;
    if (!within_edit) whole = at;
  }
  const bool torn = at < manifest.size() || within_edit;
  if (!torn || whole == 0 || manifest.size() - whole > kManifestTailMax) return std::nullopt;
  // Anywhere: the length of the first damaged fragment does not say where the next one begins. Of
  // the known types only: a checksum for each byte of garbage takes a second.
  for (++at; at < manifest.size(); ++at) {
    if (FragmentAt(manifest, at, kLast).has_value()) return std::nullopt;
  }
  return whole;
}

}  // namespace tripoint::storage
