// "Did you mean", as a sentence.
#include "client/suggest.h"

#include "client/text.h"
#include "proto/codes/fold.h"

namespace tripoint::client {

std::string DidYouMean(std::string_view typed, const std::vector<std::string>& words) {
  constexpr std::size_t kOffered = 3;
  const std::vector<std::string> near = codes::Nearest(typed, words, kOffered);
  if (near.empty()) return "";
  if (near.size() == 1) return " Did you mean " + near[0] + "?";
  return " Did you mean one of: " + Join(near, ", ") + "?";
}

}  // namespace tripoint::client
