// Files (storage/files.h) that fail when they are told to and forget, when the power goes, each
// name and each copy that was not synced. The files are real ones. Test thread only.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/files.h"

namespace tripoint::storage::testing_support {

class FaultyFiles final : public Files {
 public:
  // What is removed or replaced waits in the new folder `stash`, on the same disk.
  explicit FaultyFiles(std::string stash) : stash_(std::move(stash)) {
    std::filesystem::remove_all(stash_);
    std::filesystem::create_directories(stash_);
  }

  // The `nth` call from now fails, once; what writes bytes has written half of them.
  void FailAt(std::uint64_t nth, int error) {
    fail_at_ = calls_ + nth;
    error_ = error;
  }
  // From the `nth` call on nothing reaches the disk.
  void CutPowerAt(std::uint64_t nth, std::function<void()> and_then) {
    cut_at_ = calls_ + nth;
    on_cut_ = std::move(and_then);
  }
  void ForbidLinks() { no_links_ = true; }
  std::uint64_t calls() const { return calls_; }
  bool power_is_off() const { return cut_at_ != 0 && calls_ >= cut_at_; }

  // What a power cut leaves, at its worst.
  void Forget() {
    while (!unsynced_.empty()) {
      const Change change = unsynced_.back();
      unsynced_.pop_back();
      Undo(change);
      if (change.kind == Kind::kMoved) FollowRename(change.path, change.from);
    }
  }

  int MakeFolder(const std::string& path) override {
    if (const int error = Call(); error != 0) return error;
    const int error = Files::MakeFolder(path);
    if (error == 0) unsynced_.push_back({Kind::kName, ParentOf(path), path, {}, {}});
    return error;
  }
  int Link(const std::string& from, const std::string& to) override {
    if (const int error = Call(); error != 0) return error;
    if (no_links_) return EPERM;
    const int error = Files::Link(from, to);
    if (error == 0) unsynced_.push_back({Kind::kName, ParentOf(to), to, {}, {}});
    return error;
  }
  int Copy(const std::string& from, const std::string& to) override {
    const int fault = Call();
    if (power_is_off()) return fault;
    const int error = Files::Copy(from, to);
    if (error != 0) return error;
    unsynced_.push_back({Kind::kName, ParentOf(to), to, {}, {}});
    unsynced_.push_back({Kind::kContents, to, to, {}, {}});
    if (fault != 0) std::filesystem::resize_file(to, std::filesystem::file_size(to) / 2);
    return fault;
  }
  int Write(const std::string& path, std::string_view bytes) override {
    const int fault = Call();
    if (power_is_off()) return fault;
    const bool is_new = !std::filesystem::exists(path);
    const int error = Files::Write(path, fault == 0 ? bytes : bytes.substr(0, bytes.size() / 2));
    if (is_new) unsynced_.push_back({Kind::kName, ParentOf(path), path, {}, {}});
    return fault != 0 ? fault : error;
  }
  int SyncFile(const std::string& path) override {
    if (const int error = Call(); error != 0) return error;
    Synced(Kind::kContents, path);
    return 0;
  }
  int SyncFolder(const std::string& path) override {
    if (const int error = Call(); error != 0) return error;
    Synced(Kind::kName, path);
    Synced(Kind::kMoved, path);
    return 0;
  }
  int Rename(const std::string& from, const std::string& to) override {
    if (const int error = Call(); error != 0) return error;
    std::string replaced;
    if (std::filesystem::exists(to)) {
      replaced = Stash();
      std::filesystem::create_hard_link(to, replaced);
    }
    const int error = Files::Rename(from, to);
    if (error != 0) return error;
    FollowRename(from, to);
    unsynced_.push_back({Kind::kMoved, ParentOf(to), to, from, replaced});
    return 0;
  }
  int Remove(const std::string& path) override {
    if (const int error = Call(); error != 0) return error;
    if (!std::filesystem::exists(path)) return 0;
    const std::string removed = Stash();
    std::filesystem::rename(path, removed);
    unsynced_.push_back({Kind::kMoved, ParentOf(path), removed, path, {}});
    return 0;
  }

 private:
  enum class Kind { kName, kContents, kMoved };
  struct Change {
    Kind kind;
    std::string folder;    // whose sync makes it durable; of contents: the file
    std::string path;      // what is there now
    std::string from;      // where it was, of kMoved
    std::string replaced;  // what was at `path` before; may be none
  };

  static std::string ParentOf(const std::string& path) {
    return std::filesystem::path(path).parent_path().string();
  }
  std::string Stash() { return stash_ + "/" + std::to_string(++stashed_); }
  void Synced(Kind kind, const std::string& folder) {
    std::erase_if(unsynced_, [&](const Change& change) {
      return change.kind == kind && change.folder == folder;
    });
  }
  void FollowRename(const std::string& from, const std::string& to) {
    for (Change& change : unsynced_) {
      for (std::string* path : {&change.folder, &change.path}) {
        if (*path == from || path->starts_with(from + "/")) path->replace(0, from.size(), to);
      }
    }
  }
  static void Undo(const Change& change) {
    std::error_code gone;
    if (change.kind == Kind::kName) std::filesystem::remove_all(change.path, gone);
    if (change.kind == Kind::kContents) std::filesystem::resize_file(change.path, 0, gone);
    if (change.kind != Kind::kMoved) return;
    std::filesystem::rename(change.path, change.from, gone);
    if (!change.replaced.empty()) std::filesystem::rename(change.replaced, change.path, gone);
  }
  int Call() {
    ++calls_;
    if (power_is_off()) {
      if (on_cut_) on_cut_();
      return EIO;
    }
    return calls_ == fail_at_ ? error_ : 0;
  }

  const std::string stash_;
  int stashed_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t fail_at_ = 0;
  std::uint64_t cut_at_ = 0;
  int error_ = 0;
  bool no_links_ = false;
  std::function<void()> on_cut_;
  std::vector<Change> unsynced_;
};

}  // namespace tripoint::storage::testing_support
