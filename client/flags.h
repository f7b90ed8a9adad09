// What a command takes: flags and operands.
//
// The files of commands call these while the tree is made, one thread. CLI11 stands behind them;
// only the files that work on the tree itself see it (client/cli11.h): it costs each that does four
// seconds of a build.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tripoint::client {

// `--name VALUE`; in the help, `value_name` stands for the value.
void AddFlag(CLI::App* command, const std::string& name, std::string& value,
             const std::string& value_name, const std::string& about);
// The same, and it may be repeated.
void AddFlag(CLI::App* command, const std::string& name, std::vector<std::string>& values,
             const std::string& value_name, const std::string& about);
// `--name`, without a value.
void AddSwitch(CLI::App* command, const std::string& name, bool& is_set, const std::string& about);
// A word without a flag, which must be there. Operands are read in the order of the calls.
void AddOperand(CLI::App* command, const std::string& name, std::string& value,
                const std::string& about);
void AddOptionalOperand(CLI::App* command, const std::string& name, std::string& value,
                        const std::string& about);

}  // namespace tripoint::client
