// The configuration file. See fuzz.h.
#include "server/config.h"
#include "tests/fuzz/fuzz.h"

namespace tripoint::fuzz {

std::vector<std::string> Seeds() {
  return {ConfigText(DefaultConfig()),
          "unit = \"vn-quangngai\"\ndata_folder = \"/d\"\napi.listen = \"127.0.0.1:1\"\n"
          "exchange.listen = \"127.0.0.1:2\"\ncertificates.folder = \"c\"\n"
          "[[peer]]\nunit = \"la-attapeu\"\naddress = \"10.0.0.1:7444\"\n"
          "[[officer]]\nid = \"lan\"\nroles = [\"officer\", \"duty\"]\n"};
}

void TakeInput(std::string_view input) {
  const ParsedConfig parsed = ParseConfig(input, "/etc/tripoint/tripointd.toml");
  if (!parsed.faults.empty()) {
    Require(!FaultsToStatus("/etc/tripoint/tripointd.toml", parsed.faults).ok());
    return;
  }
  (void)CheckUnits(parsed.config);
  // What it writes parses back to the same.
  const std::string text = ConfigText(parsed.config);
  const ParsedConfig again = ParseConfig(text, "/etc/tripoint/tripointd.toml");
  Require(again.faults.empty());
  Require(ConfigText(again.config) == text);
}

}  // namespace tripoint::fuzz
