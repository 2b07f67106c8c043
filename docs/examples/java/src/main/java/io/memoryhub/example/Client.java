package io.memoryhub.example;

import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.memoryhub.v1.GetMemoryRequest;
import io.memoryhub.v1.ListMemoriesRequest;
import io.memoryhub.v1.Memory;
import io.memoryhub.v1.MemoryServiceGrpc;
import io.memoryhub.v1.SaveMemoryRequest;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** Saves a memory, reads it back and lists; made with nothing but the protos. */
public final class Client {
  public static void main(String[] args) throws InterruptedException {
    Metadata key = new Metadata();
    key.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + System.getenv("MEMORYHUB_API_KEY"));
    ManagedChannel channel = ManagedChannelBuilder.forTarget(System.getenv("MEMORYHUB_ADDRESS")).usePlaintext().build();
    try {
      var memories = MemoryServiceGrpc.newBlockingStub(channel)
          .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(key))
          .withDeadlineAfter(10, TimeUnit.SECONDS);

      Memory saved = memories.saveMemory(SaveMemoryRequest.newBuilder()
          .setMemory(Memory.newBuilder().setContent("Deploys happen Tuesdays.").setCategory("decision"))
          .setNote("from Java")
          .setRequestId(UUID.randomUUID().toString())
          .build());
      Memory read = memories.getMemory(GetMemoryRequest.newBuilder().setId(saved.getId()).build());
      if (!read.equals(saved)) throw new AssertionError("read something else");

      var wanted = ListMemoriesRequest.newBuilder().setFilter("category = \"decision\"").setLimit(20).build();
      memories.listMemories(wanted).forEachRemaining(page ->
          page.getMemoriesList().forEach(memory -> System.out.println(memory.getId() + " " + memory.getContent())));
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }
}
