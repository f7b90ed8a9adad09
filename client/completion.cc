// `tripoint completion bash|zsh|fish`, and the hidden `__complete` that the scripts ask. Values
// come from the tree, the code lists and, within 200 ms, the node; whatever fails gives no words
// and no noise.
#include <algorithm>
#include <memory>

#include "client/app.h"
#include "client/cli11.h"
#include "client/errors.h"
#include "client/resolve.h"
#include "client/text.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

constexpr int64_t kNodeLimitMs = 200;
constexpr int kReferences = 30;

constexpr std::string_view kBash =
    R"~(# tripoint completion for bash: eval "$(tripoint completion bash)"
_tripoint() {
  local IFS=$'\n'
  COMPREPLY=($(tripoint __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _tripoint tripoint
)~";
constexpr std::string_view kZsh = R"~(#compdef tripoint
# tripoint completion for zsh: eval "$(tripoint completion zsh)"
_tripoint() {
  local -a found
  found=("${(@f)$(tripoint __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $found
}
compdef _tripoint tripoint
)~";
constexpr std::string_view kFish =
    R"~(# tripoint completion for fish: tripoint completion fish | source
function __tripoint_complete
  set -l typed (commandline -opc) (commandline -ct)
  tripoint __complete $typed[2..-1] 2>/dev/null
end
complete -c tripoint -f -a '(__tripoint_complete)'
)~";

void AddCodes(Context& context, const char* list, std::vector<std::string>& words) {
  for (const codes::Code& code : context.registry().List(list)->codes()) {
    words.push_back(code.code);
    words.insert(words.end(), code.aliases.begin(), code.aliases.end());
  }
}

// Recent references of the node, asked once and briefly.
void AddReferences(Context& context, const std::string& path, std::vector<std::string>& words) {
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return;
  Session& session = (*node)->session();
  if (path.starts_with("incident") || path == "notice share") {
    v1::ListIncidentsRequest request;
    request.set_page_size(kReferences);
    v1::ListIncidentsResponse page;
    if (!session.Call("IncidentService/ListIncidents", request, kNodeLimitMs, page).ok()) return;
    for (const v1::Incident& incident : page.incidents())
      words.push_back(ReferenceOf(incident.name()));
    return;
  }
  v1::ListNoticesRequest request;
  request.set_page_size(kReferences);
  request.set_direction(path.ends_with(" ack") ? v1::NOTICE_DIRECTION_RECEIVED
                                               : v1::NOTICE_DIRECTION_SENT);
  v1::ListNoticesResponse page;
  if (!session.Call("NoticeService/ListNotices", request, kNodeLimitMs, page).ok()) return;
  for (const v1::Notice& notice : page.notices()) words.push_back(ReferenceOf(notice.name()));
}

// Values that may follow `flag` of the command at `path`.
void AddValues(Context& context, const std::string& path, const std::string& flag,
               std::vector<std::string>& words) {
  const bool of_notice = path.starts_with("notice") || path == "inbox";
  if (flag == "--to" || flag == "--unit") {
    AddCodes(context, "units", words);
  } else if (flag == "--kind") {
    AddCodes(context, of_notice && path != "notice revise" ? "notice_kinds" : "categories", words);
  } else if (flag == "--where" || flag == "--gate") {
    AddCodes(context, "gates", words);
  } else if (flag == "--reason" && path.ends_with(" ack")) {
    AddCodes(context, "refusal_grounds", words);
  } else if (flag == "--reason" && (path == "flash send" || path == "notice share")) {
    AddCodes(context, "urgency_reasons", words);
  } else if (flag == "--node") {
    for (const auto& [name, entry] : context.settings().nodes) words.push_back(name);
  } else if (flag == "-o" || flag == "--output") {
    words = {"table", "wide", "json", "jsonl", "csv", "id"};
  } else if (flag == "--lang" || flag == "--text-lang") {
    words = {"vi", "km", "lo", "en"};
  } else if (flag == "--time") {
    words = {"local", "utc"};
  } else {
    static constexpr std::pair<const char*, const char*> kLists[] = {
        {"--urgency", "urgency"},  {"--handling", "handling"},   {"--tlp", "tlp"},
        {"--purpose", "purposes"}, {"--certainty", "certainty"}, {"--severity", "severity"},
        {"--status", "status"}};
    for (const auto& [name, list] : kLists) {
      if (flag == name) AddCodes(context, list, words);
    }
  }
}

bool TakesValue(const CLI::App* app, const std::string& flag) {
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->check_name(flag)) return option->get_items_expected_max() > 0;
    }
  }
  return false;
}

absl::StatusOr<int> Complete(const CommandTree& tree, Context& context,
                             std::vector<std::string> typed) {
  const std::string last = typed.empty() ? "" : typed.back();
  if (!typed.empty()) typed.pop_back();
  const CLI::App* at = tree.Walk(typed);
  const std::string path = CommandTree::PathOf(at);
  std::vector<std::string> words;
  if (!typed.empty() && typed.back().starts_with("-") && TakesValue(at, typed.back())) {
    AddValues(context, path, typed.back(), words);
  } else if (last.starts_with("-")) {
    for (const CLI::App* app = at; app != nullptr; app = app->get_parent()) {
      for (const CLI::Option* option : app->get_options()) {
        for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
      }
    }
  } else {
    for (const CLI::App* sub :
         at->get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
      words.push_back(sub->get_name());
    }
    if (path == "codes") words = context.registry().ListNames();
    if (path == "completion") words = {"bash", "zsh", "fish"};
    if (path == "peer show") AddCodes(context, "units", words);
    if (path == "node use") AddValues(context, path, "--node", words);
    for (const CLI::Option* option : at->get_options()) {
      if (option->get_positional() && option->get_name(true) == "REF")
        AddReferences(context, path, words);
    }
  }
  // `--to a,b` goes on after the comma.
  const std::size_t comma = last.rfind(',');
  const std::string head = comma == std::string::npos ? "" : last.substr(0, comma + 1);
  const std::string begun = last.substr(head.size());
  for (const std::string& word : words) {
    if (ToLowerAscii(word).starts_with(ToLowerAscii(begun))) context.out().Raw(head + word + "\n");
  }
  return kExitDone;
}

}  // namespace

void AddCompletionCommands(CommandTree& tree) {
  const auto shell = std::make_shared<std::string>();
  Command& script =
      tree.Add(&tree.root(), "completion", "prints a completion script for bash, zsh or fish",
               {R"(completion bash > ~/.local/share/bash-completion/completions/tripoint)",
                "completion zsh > ~/.zfunc/_tripoint", "completion fish | source"},
               [shell](Context& context) -> absl::StatusOr<int> {
                 const std::string name = ToLowerAscii(*shell);
                 if (name == "bash") {
                   context.out().Raw(kBash);
                 } else if (name == "zsh") {
                   context.out().Raw(kZsh);
                 } else if (name == "fish") {
                   context.out().Raw(kFish);
                 } else {
                   return UsageError("no completion for \"" + *shell + "\"." +
                                         contract::DidYouMean(name, {"bash", "zsh", "fish"}),
                                     "the shells are bash, zsh, fish", "tripoint completion bash");
                 }
                 return kExitDone;
               });
  script.offline = true;
  AddOperand(script.app, "SHELL", *shell, "bash, zsh or fish");

  const auto typed = std::make_shared<std::vector<std::string>>();
  Command& complete =
      tree.Add(&tree.root(), "__complete", "asked by the scripts", {},
               [&tree, typed](Context& context) { return Complete(tree, context, *typed); });
  complete.offline = true;
  complete.app->group("");
  complete.app->add_option("WORDS", *typed, "what is typed so far");
}

}  // namespace tripoint::client
