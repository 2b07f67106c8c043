"""Saves a memory, reads it back and lists; made with nothing but the protos."""

import os
import uuid

import grpc
from memoryhub.v1 import memory_pb2, memory_service_pb2, memory_service_pb2_grpc

key = [("authorization", f"Bearer {os.environ['MEMORYHUB_API_KEY']}")]

with grpc.insecure_channel(os.environ["MEMORYHUB_ADDRESS"]) as channel:
    memories = memory_service_pb2_grpc.MemoryServiceStub(channel)

    saved = memories.SaveMemory(
        memory_service_pb2.SaveMemoryRequest(
            memory=memory_pb2.Memory(content="Deploys happen Tuesdays.", category="decision"),
            note="from Python",
            request_id=str(uuid.uuid4()),
        ),
        metadata=key,
        timeout=10,
    )
    read = memories.GetMemory(memory_service_pb2.GetMemoryRequest(id=saved.id), metadata=key, timeout=10)
    assert read == saved

    wanted = memory_service_pb2.ListMemoriesRequest(filter='category = "decision"', limit=20)
    for page in memories.ListMemories(wanted, metadata=key, timeout=10):
        for memory in page.memories:
            print(memory.id, memory.content)
