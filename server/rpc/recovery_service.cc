// See recovery_service.h.
#include "server/rpc/recovery_service.h"

#include <memory>
#include <utility>

#include "proto/contract/backup_form.h"
#include "proto/contract/error.h"
#include "server/operations/backup_note.h"
#include "server/operations/recovery.h"
#include "server/rpc/batch_stream.h"
#include "storage/backup_file.h"
#include "storage/data_folder.h"
#include "storage/journal_store.h"
#include "storage/schema.h"

namespace tripoint::rpc {
namespace {

using domain::Permission;

// One call: each request is answered with the next piece, so nothing is ahead of the caller.
class BackUpStream final : public grpc::ServerBidiReactor<v1::BackUpRequest, v1::BackUpChunk> {
 public:
  BackUpStream(const Backend& backend, const RecoverySeams& seams, std::string officer,
               std::atomic<bool>& running)
      : backend_(backend), seams_(seams), officer_(std::move(officer)), running_(running) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    const absl::Status queued = backend_.run([this] { Answer(); });
    if (!queued.ok()) Finish(ToGrpcStatus(queued));
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartRead(&request_);
  }
  void OnDone() override {
    writer_.reset();
    if (begun_) (void)storage::RemoveCheckpoint(seams_.checkpoint_folder);
    running_ = false;
    delete this;
  }

 private:
  void Answer() {
    if (request_.kept()) return Note();
    absl::Status status = writer_ == nullptr ? Begin() : absl::OkStatus();
    if (status.ok()) {
      absl::StatusOr<std::string> bytes = writer_->Next();
      status = bytes.status();
      ended_ = bytes.ok() && bytes->empty();
      if (bytes.ok()) chunk_.set_bytes(*std::move(bytes));
    }
    if (!status.ok()) return Finish(ToGrpcStatus(status));
    chunk_.set_done_bytes(writer_->done_bytes());
    chunk_.set_total_bytes(writer_->total_bytes());
    StartWrite(&chunk_);
  }

  // The maker has the whole file: from now on status counts its age.
  void Note() {
    if (!ended_ || noted_) {
      return Finish(ToGrpcStatus(contract::Error(
          absl::StatusCode::kFailedPrecondition, contract::Reason::kIllegalTransition,
          noted_ ? "The backup was said to be kept before" : "The backup is not at its end",
          "One is noted once, and what is not whole is none.", "Take all its pieces first.")));
    }
    noted_ = true;
    auto prepared =
        operations::NoteBackup({.officer = officer_}, begin_time_ms_, chunk_.change_number());
    backend_.committer.SubmitAndHelp(std::move(prepared.operation),
                                     [this](const absl::Status& status) {
                                       if (!status.ok()) return Finish(ToGrpcStatus(status));
                                       StartWrite(&chunk_);
                                     });
  }

  absl::Status Begin() {
    store::v1::BackupHeader header;
    header.set_unit(backend_.node.unit);
    header.set_schema_version(storage::kSchemaVersion);
    header.set_software(seams_.software);
    begin_time_ms_ = backend_.now_ms();
    header.set_create_time_ms(begin_time_ms_);
    header.set_public_key(request_.public_key());
    header.set_salt(request_.salt());
    header.set_operations_limit(request_.operations_limit());
    header.set_memory_limit(request_.memory_limit());
    // Before the checkpoint: it holds at least this.
    const absl::StatusOr<storage::JournalHead> head = storage::ReadJournalHead(seams_.engine);
    if (!head.ok()) return head.status();
    header.set_epoch(head->epoch);
    header.set_change_number(head->frontier.size());
    chunk_.set_change_number(head->frontier.size());
    if (request_.public_key().size() == contract::kBackupKeyBytes) {
      begun_ = true;
      if (absl::Status made = seams_.engine.Checkpoint(seams_.checkpoint_folder); !made.ok())
        return made;
    }
    auto writer = storage::BackupWriter::Open(seams_.checkpoint_folder, std::move(header));
    if (!writer.ok()) return writer.status();
    writer_ = *std::move(writer);
    return absl::OkStatus();
  }

  const Backend& backend_;
  const RecoverySeams& seams_;
  const std::string officer_;
  std::atomic<bool>& running_;
  bool begun_ = false;
  std::int64_t begin_time_ms_ = 0;
  bool ended_ = false;  // all pieces were given
  bool noted_ = false;
  std::unique_ptr<storage::BackupWriter> writer_;
  v1::BackUpRequest request_;
  v1::BackUpChunk chunk_;
};

absl::Status AnotherRuns() {
  contract::Problem problem;
  problem.reason = contract::Reason::kQueueFull;
  problem.what = "Another backup is being made";
  problem.why = "One at a time: each holds on to files of the store.";
  problem.next = "Wait until it is done.";
  problem.retry_after_ms = 10'000;
  return contract::Error(absl::StatusCode::kResourceExhausted, problem);
}

}  // namespace

RecoveryService::RecoveryService(const Backend& backend, RecoverySeams seams)
    : backend_(backend), seams_(std::move(seams)) {}

grpc::ServerBidiReactor<v1::BackUpRequest, v1::BackUpChunk>* RecoveryService::BackUp(
    grpc::CallbackServerContext* context) {
  const absl::StatusOr<domain::Caller> caller = Admit(backend_, *context, Permission::kBackUp);
  absl::Status admitted = caller.status();
  if (admitted.ok() && running_.exchange(true)) admitted = AnotherRuns();
  if (!admitted.ok()) return new RefusedStream<v1::BackUpRequest, v1::BackUpChunk>(admitted);
  return new BackUpStream(backend_, seams_, caller->officer, running_);
}

grpc::ServerUnaryReactor* RecoveryService::EndAmnesia(grpc::CallbackServerContext* context,
                                                      const v1::EndAmnesiaRequest* request,
                                                      v1::EndAmnesiaResponse* response) {
  if (!backend_.committer.TakesCalls()) return RefuseForFullQueue(backend_, context, *request);
  v1::EndAmnesiaRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kEndAmnesia, checked);
  if (!caller.ok()) return rpc::Answer(context, caller.status());
  auto prepared =
      operations::EndAmnesia(backend_.node, {.officer = caller->officer}, checked.reason());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  backend_.committer.SubmitAndHelp(
      UnlessCancelled(context, std::move(prepared.operation)),
      [this, reactor, response, result = std::move(prepared.result)](const absl::Status& status) {
        if (status.ok()) {
          for (std::string& unit : *result) response->add_missing_units(std::move(unit));
          seams_.recovery_changed();
        }
        reactor->Finish(ToGrpcStatus(status));
      });
  return reactor;
}

}  // namespace tripoint::rpc
