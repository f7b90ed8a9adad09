// The only threads of the project: named, joined, never detached.
//
// Made by the other files of runtime/ and by the exchange driver. The list of all threads is in
// server/README.md.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace tripoint::runtime {

class Thread {
 public:
  // Runs `body` on a new thread that is called `name` in ps and gdb (15 bytes are shown).
  Thread(std::string name, std::function<void()> body);
  // Waits for the end of `body`: tell it to end before.
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // Waits for the end of `body`. Further calls do nothing. Not from the thread itself.
  void Join();

 private:
  std::thread thread_;
};

}  // namespace tripoint::runtime
