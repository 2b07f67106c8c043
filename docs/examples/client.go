// Saves a memory, reads it back and lists; made with nothing but the protos.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	pb "github.com/memory-hub/memory-hub/gen/go/memoryhub/v1"
)

func main() {
	connection, err := grpc.NewClient(os.Getenv("MEMORYHUB_ADDRESS"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	memories := pb.NewMemoryServiceClient(connection)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("MEMORYHUB_API_KEY"))

	saved, err := memories.SaveMemory(ctx, &pb.SaveMemoryRequest{
		Memory:    &pb.Memory{Content: "Deploys happen Tuesdays.", Category: "decision"},
		Note:      "from Go",
		RequestId: uuid.NewString(),
	})
	if err != nil {
		log.Fatal(err)
	}
	read, err := memories.GetMemory(ctx, &pb.GetMemoryRequest{Target: &pb.GetMemoryRequest_Id{Id: saved.Id}})
	if err != nil || read.Content != saved.Content {
		log.Fatal("read something else: ", err)
	}

	pages, err := memories.ListMemories(ctx, &pb.ListMemoriesRequest{Filter: `category = "decision"`, Limit: 20})
	if err != nil {
		log.Fatal(err)
	}
	for {
		page, err := pages.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		for _, memory := range page.Memories {
			fmt.Println(memory.Id, memory.Content)
		}
	}
}
