// The contracts of activity and presence on grpc-go, with nothing behind them: events are kept in a slice, in memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"

	pb "muster/bench/peers/compat"
)

type server struct {
	pb.UnimplementedActivityEventsServer
	mutex  sync.Mutex
	events []*pb.EventRequest
}

// CreateEvent keeps the event, under the next number if it has none.
func (s *server) CreateEvent(_ context.Context, event *pb.EventRequest) (*pb.EventResponse, error) {
	now := time.Now().UnixNano()
	if event.Timestamp == nil {
		event.Timestamp = &pb.Timestamp{Send: now}
	}
	event.Timestamp.Receive = now
	s.mutex.Lock()
	s.events = append(s.events, event)
	if event.Id == 0 {
		event.Id = int32(len(s.events))
	}
	s.mutex.Unlock()
	took := max(0, now-event.Timestamp.Send) / int64(time.Millisecond)
	return &pb.EventResponse{Id: event.Id, Success: true, ExecutionTime: took}, nil
}

// ListEvents sends the events of a deployment (0: of all), so that it can be seen that they were kept.
func (s *server) ListEvents(of *pb.Deployment, stream grpc.ServerStreamingServer[pb.EventRequest]) error {
	s.mutex.Lock()
	events := s.events
	s.mutex.Unlock()
	for _, event := range events {
		if of.Id != 0 && of.Id != event.DeploymentId {
			continue
		}
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "host:port")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("grpc-go  %s\n", listener.Addr())
	s := grpc.NewServer()
	pb.RegisterActivityEventsServer(s, &server{})
	pb.RegisterPresenceServer(s, &presence{users: map[string]*user{}})
	log.Fatal(s.Serve(listener))
}
