// Help: three examples first, then what else there is; topics; version.
#include <fmt/format.h>

#include <array>

#include "client/app.h"
#include "client/cli11.h"
#include "client/errors.h"
#include "client/help_topics.h"
#include "client/json.h"
#include "client/text.h"
#include "proto/contract/nearest.h"

#ifndef TRIPOINT_VERSION
#define TRIPOINT_VERSION "0.1.0"
#endif

namespace tripoint::client {
namespace {

std::string OptionLine(const CLI::Option* option) {
  std::string names =
      option->get_positional() ? option->get_name(true) : option->get_name(false, true);
  for (std::size_t comma = names.find(','); comma != std::string::npos;
       comma = names.find(',', comma + 2)) {
    names.replace(comma, 1, ", ");
  }
  if (!option->get_positional() && option->get_items_expected_max() > 0)
    names += " " + option->get_type_name();
  return fmt::format("  {:<26} {}\n", names, option->get_description());
}

std::string OptionsText(const CLI::App* app, bool positional) {
  std::string out;
  for (const CLI::Option* option : app->get_options()) {
    if (option->get_positional() == positional && !option->get_group().empty())
      out += OptionLine(option);
  }
  return out;
}

std::string CommandsText(const CLI::App* app) {
  std::string out;
  for (const CLI::App* sub :
       app->get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
    out += fmt::format("  {:<26} {}\n", sub->get_name(), sub->get_description());
  }
  return out;
}

constexpr std::array<std::string_view, 3> kRootExamples = {
    R"(incident new --kind smuggling --where "Bờ Y" --when "today 04:10" --title "Pickup with 14 sacks")",
    "notice share 0093-T --to la-attapeu,kh-ratanakiri --dry-run", "inbox --needs-ack --watch"};

absl::StatusOr<int> RunHelp(const CommandTree& tree, Context& context,
                            const std::vector<std::string>& words) {
  if (words.empty()) {
    context.out().Raw(tree.HelpText(&tree.root(), true));
    return kExitDone;
  }
  if (words.size() == 1) {
    for (const HelpTopic& topic : HelpTopics()) {
      if (topic.name == words[0]) {
        context.out().Raw(topic.text);
        return kExitDone;
      }
    }
  }
  const CLI::App* at = tree.Walk(words);
  if (CommandTree::PathOf(at) == Join(words, " ")) {
    context.out().Raw(tree.HelpText(at, true));
    return kExitDone;
  }
  std::vector<std::string> names;
  for (const HelpTopic& topic : HelpTopics()) names.emplace_back(topic.name);
  const std::string topics = Join(names, ", ");
  for (const auto& command : tree.commands()) names.push_back(CommandTree::PathOf(command->app));
  const std::string typed = Join(words, " ");
  return UsageError("no help on \"" + typed + "\"." + contract::DidYouMean(typed, names),
                    "the topics are " + topics, "tripoint help");
}

absl::StatusOr<int> ShowVersion(Context& context) {
  const std::string codes(codes::kCodesVersion);
  const Row row{TRIPOINT_VERSION,
                {TRIPOINT_VERSION, codes},
                "",
                JsonObject({{"version", JsonString(TRIPOINT_VERSION)},
                            {"codes_version", JsonString(codes)}})};
  const absl::Status shown =
      context.out().Show({{"version", "VERSION"}, {"codes", "CODES"}}, row, v1::NodeStatus(),
                         fmt::format("tripoint {}  code lists {}\n", TRIPOINT_VERSION, codes));
  if (!shown.ok()) return shown;
  return kExitDone;
}

}  // namespace

std::string CommandTree::HelpText(const CLI::App* app, bool full) const {
  const std::string path = PathOf(app);
  const Command* command = Find(app);
  std::string out =
      "tripoint" + (path.empty() ? "" : " " + path) + ": " + app->get_description() + "\n";
  if (path.empty()) {
    out += "\nExamples:\n";
    for (const std::string_view example : kRootExamples)
      out += fmt::format("  tripoint {}\n", example);
  }
  if (command != nullptr && !command->examples.empty()) {
    out += "\nExamples:\n";
    for (const std::string& example : command->examples) out += "  tripoint " + example + "\n";
  }
  const std::string commands = CommandsText(app);
  if (!commands.empty()) out += "\nCommands:\n" + commands;
  const std::string positional = OptionsText(app, true);
  if (!positional.empty()) out += "\nArguments:\n" + positional;
  if (app != root_.get()) {
    const std::string flags = OptionsText(app, false);
    if (!flags.empty()) out += "\nFlags:\n" + flags;
  }
  if (command != nullptr && command->run) {
    const bool asks = !command->offline && !path.starts_with("node ");
    out += "\nExit codes: 0 done, ";
    if (asks) out += "1 refused by the node, ";
    out += "2 wrong input, ";
    if (asks) out += "3 not found, 4 not allowed, 5 unreachable, ";
    if (!command->exits.empty()) out += command->exits + ", ";
    out += "all: tripoint help exit-codes\n";
  }
  if (full) {
    out += "\nEverywhere:\n" + OptionsText(root_.get(), false);
    out += "  -h, --help                 -h: short; --help: with these\n";
  } else {
    out +=
        "\nFlags that work everywhere: tripoint " + path + (path.empty() ? "" : " ") + "--help\n";
  }
  if (path.empty()) {
    out += "\nTopics (tripoint help TOPIC):";
    for (const HelpTopic& topic : HelpTopics()) out += " " + std::string(topic.name);
    out += "\n";
  }
  return out;
}

void AddHelpCommands(CommandTree& tree) {
  const auto words = std::make_shared<std::vector<std::string>>();
  Command& help =
      tree.Add(&tree.root(), "help", "shows help on a command or topic",
               {"help notice share", "help exit-codes", "help formats"},
               [&tree, words](Context& context) { return RunHelp(tree, context, *words); });
  help.offline = true;
  help.app->add_option("WORDS", *words, "a command or a topic");
  Command& version =
      tree.Add(&tree.root(), "version", "shows the versions of this command and its code lists",
               {"version", "version -o json"},
               [](Context& context) -> absl::StatusOr<int> { return ShowVersion(context); });
  version.offline = true;
}

}  // namespace tripoint::client
