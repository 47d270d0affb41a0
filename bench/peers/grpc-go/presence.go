package main

import (
	"sync"

	"google.golang.org/grpc"

	pb "muster/bench/peers/compat"
)

// presence is the presence contract on grpc-go: users on one server, who is watched and how many devices they have.
type presence struct {
	pb.UnimplementedPresenceServer
	mutex sync.Mutex
	users map[string]*user
}

type user struct {
	devices  int
	monitors map[chan bool]struct{}
}

// Connect makes the user online until the caller is gone.
func (p *presence) Connect(of *pb.User, stream grpc.ServerStreamingServer[pb.Empty]) error {
	p.change(of.Name, 1)
	<-stream.Context().Done()
	p.change(of.Name, -1)
	return nil
}

// Monitor tells whether the user is online: the present value, then each other one.
func (p *presence) Monitor(of *pb.User, stream grpc.ServerStreamingServer[pb.OnlineStatus]) error {
	news := make(chan bool, 1)
	online := p.watch(of.Name, news)
	defer p.forget(of.Name, news)
	for {
		if err := stream.Send(&pb.OnlineStatus{Online: online}); err != nil {
			return err
		}
		select {
		case online = <-news:
		case <-stream.Context().Done():
			return nil
		}
	}
}

func (p *presence) change(name string, by int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	u := p.user(name)
	before := u.devices > 0
	u.devices += by
	if online := u.devices > 0; online != before {
		for news := range u.monitors {
			// The latest value alone: an earlier one that nobody has read gives way.
			select {
			case <-news:
			default:
			}
			news <- online
		}
	}
	p.clean(name, u)
}

func (p *presence) watch(name string, news chan bool) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	u := p.user(name)
	u.monitors[news] = struct{}{}
	return u.devices > 0
}

func (p *presence) forget(name string, news chan bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	u := p.user(name)
	delete(u.monitors, news)
	p.clean(name, u)
}

func (p *presence) user(name string) *user {
	u := p.users[name]
	if u == nil {
		u = &user{monitors: map[chan bool]struct{}{}}
		p.users[name] = u
	}
	return u
}

func (p *presence) clean(name string, u *user) {
	if u.devices == 0 && len(u.monitors) == 0 {
		delete(p.users, name)
	}
}
