// Why words were not understood, with the nearest right ones. Called by Run after CLI11 refused.
// Pure.
#include <string>
#include <vector>

#include "client/app.h"
#include "client/cli11.h"
#include "client/errors.h"
#include "client/text.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

std::vector<const CLI::App*> Visible(const CLI::App* app) {
  return app->get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
}

const CLI::App* SubNamed(const CLI::App* app, const std::string& name) {
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name() == name) return sub;
  }
  return nullptr;
}

// The option named by a flag, looked for upwards, as fallthrough does.
const CLI::Option* OptionNamed(const CLI::App* app, const std::string& flag) {
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->check_name(flag)) return option;
    }
  }
  return nullptr;
}

std::vector<std::string> FlagsOf(const CLI::App* app) {
  std::vector<std::string> flags;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    }
  }
  return flags;
}

// The words after position `i` that continue a command below `app`, for a suggestion of the whole
// command.
std::string Continued(const CLI::App* app, const std::vector<std::string>& words, std::size_t i) {
  std::string path = CommandTree::PathOf(app);
  for (++i; i < words.size(); ++i) {
    const CLI::App* sub = SubNamed(app, words[i]);
    if (sub == nullptr) break;
    app = sub;
    path += " " + words[i];
  }
  return path;
}

std::string HelpOf(const CLI::App* at) {
  const std::string path = CommandTree::PathOf(at);
  return "tripoint " + path + (path.empty() ? "" : " ") + "--help";
}

// Every word is known by itself: an argument is missing, or there is one too many.
absl::Status WrongArguments(const CommandTree& tree, const CLI::App* at,
                            const std::vector<std::string>& words, const std::string& message) {
  const std::string path = "tripoint " + CommandTree::PathOf(at);
  for (const CLI::Option* option : at->get_options()) {
    const std::string name = option->get_positional() ? option->get_name(true) : "";
    if (name.empty() || message != name + " is required") continue;
    const Command* command = tree.Find(at);
    const bool example = command != nullptr && !command->examples.empty();
    return UsageError(path + " needs " + name, name + ": " + option->get_description(),
                      example ? "for example: tripoint " + command->examples[0] : HelpOf(at));
  }
  constexpr std::string_view kTooMany = "not expected: ";
  if (const std::size_t found = message.find(kTooMany);
      found != std::string::npos && !words.empty())
    return UsageError(path + " has no place for: " + message.substr(found + kTooMany.size()),
                      "a value of several words stands in quotes", HelpOf(at));
  return UsageError(message, "", HelpOf(at));
}

absl::Status UnknownCommand(const CLI::App* at, const std::vector<std::string>& words,
                            std::size_t i) {
  std::vector<std::string> names;
  for (const CLI::App* sub : Visible(at)) names.push_back(sub->get_name());
  const std::string path = CommandTree::PathOf(at);
  std::string what = "no command \"" + (path.empty() ? "" : path + " ") + words[i] + "\".";
  const std::vector<std::string> near = contract::Nearest(words[i], names, 3);
  if (near.size() == 1) {
    what += " Did you mean: tripoint " + Continued(SubNamed(at, near[0]), words, i);
  } else {
    what += contract::DidYouMean(words[i], names);
  }
  return UsageError(what, "the commands here are " + Join(names, ", "),
                    "tripoint " + path + (path.empty() ? "" : " ") + "--help");
}

}  // namespace

absl::Status DiagnoseWords(const CommandTree& tree, const std::vector<std::string>& words,
                           const std::string& message) {
  const CLI::App* at = &tree.root();
  Faults unknown;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") break;
    if (word.size() > 1 && word[0] == '-') {
      const std::size_t equals = word.find('=');
      const bool is_long = word.starts_with("--");
      const std::string flag = is_long ? word.substr(0, equals) : word.substr(0, 2);
      const CLI::Option* option = OptionNamed(at, flag);
      if (option == nullptr) {
        const std::string hint = contract::DidYouMean(flag, FlagsOf(at));
        unknown.Add(flag, "is no flag of tripoint " + CommandTree::PathOf(at) + "." + hint +
                              (hint.empty() ? " All flags: " + HelpOf(at) : ""));
      } else if (option->get_items_expected_max() > 0 && is_long && equals + 1 == word.size()) {
        unknown.Add(flag, "is empty; say a value, such as " + flag + " " + option->get_type_name());
      } else if (option->get_items_expected_max() > 0 && equals == std::string::npos &&
                 (is_long || word.size() == 2)) {
        if (++i == words.size())
          unknown.Add(flag, "needs a value: " + flag + " " + option->get_type_name());
      }
    } else if (const CLI::App* sub = SubNamed(at, word); sub != nullptr) {
      at = sub;
    } else if (!Visible(at).empty()) {
      return UnknownCommand(at, words, i);
    }
  }
  if (!unknown.empty()) return unknown.ToStatus("nothing was done");
  return WrongArguments(tree, at, words, message);
}

}  // namespace tripoint::client
