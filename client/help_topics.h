// Texts of `tripoint help TOPIC`. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

namespace tripoint::client {

struct HelpTopic {
  std::string_view name;
  std::string_view text;
};

const std::vector<HelpTopic>& HelpTopics();

}  // namespace tripoint::client
