// Flags and operands, said to CLI11. See flags.h.
#include "client/flags.h"

#include "client/cli11.h"

namespace tripoint::client {

void AddFlag(CLI::App* command, const std::string& name, std::string& value,
             const std::string& value_name, const std::string& about) {
  command->add_option(name, value, about)->type_name(value_name);
}

void AddFlag(CLI::App* command, const std::string& name, std::vector<std::string>& values,
             const std::string& value_name, const std::string& about) {
  // One value each: what follows may be an operand.
  command->add_option(name, values, about)->type_name(value_name)->allow_extra_args(false);
}

void AddSwitch(CLI::App* command, const std::string& name, bool& is_set, const std::string& about) {
  command->add_flag(name, is_set, about);
}

void AddOperand(CLI::App* command, const std::string& name, std::string& value,
                const std::string& about) {
  command->add_option(name, value, about)->required();
}

void AddOptionalOperand(CLI::App* command, const std::string& name, std::string& value,
                        const std::string& about) {
  command->add_option(name, value, about);
}

}  // namespace tripoint::client
