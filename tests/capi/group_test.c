/* A group of two processes through the C interface: they meet, train as one, and notice when one of
 * them is gone. The processes are forked before the library is used. */
#include "tests/capi/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { kSteps = 3 };

static int first_step[2]; /* a pipe: rank 0 says that its first step is done */

static int FreePort(void) {
  struct sockaddr_in address;
  socklen_t length = sizeof(address);
  const int handle = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(handle, (struct sockaddr*)&address, sizeof(address)) != 0 ||
      getsockname(handle, (struct sockaddr*)&address, &length) != 0) {
    perror("bind");
    exit(1);
  }
  close(handle);
  return ntohs(address.sin_port);
}

static tsr_runtime* Meet(int rank, int port) {
  char options[256];
  snprintf(options, sizeof(options),
           "{\"checked\": true, \"threads\": 1, \"rank\": %d, \"world_size\": 2,"
           " \"master_addr\": \"127.0.0.1\", \"master_port\": %d, \"timeout_s\": 20}",
           rank, port);
  return NewRuntimeWith(options);
}

/* Trains and writes the loss of each step; rank 1 leaves without a word after the first of more. */
static int RunRank(int rank, int port, const char* corpus, double* losses, int dies) {
  tsr_runtime* runtime = Meet(rank, port);
  tsr_config* config = SmallConfig(runtime, corpus);
  tsr_trainer* trainer = NULL;
  char* text = NULL;
  size_t length = 0;
  tsr_step_result result;
  char byte = 1;
  int i;
  OK(tsr_runtime_describe(runtime, &text, &length));
  HOLDS(text, "\"world_size\": 2");
  tsr_text_free(text);
  OK(tsr_trainer_new(config, NULL, 0, NULL, 0, &trainer));
  result.struct_size = sizeof(result);
  for (i = 0; i < kSteps && trainer != NULL; ++i) {
    if (dies && i == 1) {
      tsr_status* status;
      /* Rank 1 waits until rank 0 has its first step behind it: a rank that dies while another is
       * still receiving spoils that step too. */
      if (rank == 1) {
        EXPECT(read(first_step[0], &byte, 1) == 1);
        kill(getpid(), SIGKILL);
      }
      EXPECT(write(first_step[1], &byte, 1) == 1);
      status = tsr_trainer_step(trainer, &result);
      EXPECT(tsr_status_code(status) == TSR_UNAVAILABLE);
      EXPECT(tsr_status_rank(status) == 1);
      EXPECT(tsr_status_retryable(status) == 1);
      HOLDS(tsr_status_message(status), "rank 1");
      tsr_status_free(status);
      break;
    }
    OK(tsr_trainer_step(trainer, &result));
    losses[i] = result.loss;
    EXPECT(result.step == i + 1 && result.tokens == 32 * (i + 1));
  }
  tsr_trainer_free(trainer);
  tsr_config_free(config);
  tsr_runtime_free(runtime);
  return failures;
}

/* The losses of rank 0; both ranks must end as they should. */
static void RunGroup(const char* corpus, int dies, double* losses) {
  const int port = FreePort();
  int ends[2], status = 0, rank;
  pid_t processes[2];
  if (pipe(ends) != 0 || pipe(first_step) != 0) exit(1);
  for (rank = 0; rank < 2; ++rank) {
    processes[rank] = fork();
    if (processes[rank] == 0) {
      double mine[kSteps] = {0};
      const int failed = RunRank(rank, port, corpus, mine, dies);
      if (rank == 0 && write(ends[1], mine, sizeof(mine)) != sizeof(mine)) exit(1);
      exit(failed == 0 ? 0 : 1);
    }
  }
  for (rank = 0; rank < 2; ++rank) {
    EXPECT(waitpid(processes[rank], &status, 0) == processes[rank]);
    if (dies && rank == 1) {
      EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    } else {
      EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
  }
  close(ends[1]);
  EXPECT(read(ends[0], losses, kSteps * sizeof(double)) == (ssize_t)(kSteps * sizeof(double)));
  close(ends[0]);
  close(first_step[0]);
  close(first_step[1]);
}

int main(void) {
  char folder[64], corpus[128];
  double together[kSteps] = {0}, broken[kSteps] = {0};
  int i;
  NewFolder(folder, sizeof(folder));
  snprintf(corpus, sizeof(corpus), "%s/corpus.txt", folder);
  WriteCorpus(corpus);
  RunGroup(corpus, 0, together);
  RunGroup(corpus, 1, broken);
  {
    tsr_runtime* runtime = NewRuntime();
    tsr_config* config = SmallConfig(runtime, corpus);
    tsr_trainer* trainer = NULL;
    OK(tsr_trainer_new(config, NULL, 0, NULL, 0, &trainer));
    for (i = 0; i < kSteps && trainer != NULL; ++i) {
      tsr_step_result result;
      result.struct_size = sizeof(result);
      OK(tsr_trainer_step(trainer, &result));
      EXPECT(fabs(result.loss - together[i]) <= 1e-5 * fabs(result.loss));
    }
    EXPECT(broken[0] == together[0]);
    tsr_trainer_free(trainer);
    tsr_config_free(config);
    tsr_runtime_free(runtime);
  }
  RemoveFolder(folder);
  return Result("group_test");
}
