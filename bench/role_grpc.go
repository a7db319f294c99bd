package main

import (
	"context"
	"errors"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/postrider-mq/postrider/internal/measure"
)

// The service is written by hand in place of a generator's:
//
//	service Bench {
//	  rpc Echo(google.protobuf.BytesValue) returns (google.protobuf.BytesValue);
//	  rpc Take(stream google.protobuf.BytesValue) returns (google.protobuf.BytesValue);
//	}
const (
	grpcService = "postrider.Bench"
	grpcEcho    = "/" + grpcService + "/Echo"
	grpcTake    = "/" + grpcService + "/Take"
)

var grpcTakeStream = grpc.StreamDesc{StreamName: "Take", ClientStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
	return srv.(*grpcServer).take(s)
}}

var grpcDescription = grpc.ServiceDesc{
	ServiceName: grpcService,
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Echo", Handler: func(srv any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.BytesValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		_, _, err := srv.(*grpcServer).calls.check(in.Value)
		return in, err
	}}},
	Streams: []grpc.StreamDesc{grpcTakeStream},
}

// grpcServer answers unary calls with what was asked, or takes one client stream.
type grpcServer struct {
	order  order
	server *grpc.Server
	calls  *audits
	ending ending
}

func (g *grpcServer) prepare(o order) (address string, err error) {
	g.order, g.calls, g.ending = o, newAudits(o.Body, o.Callers), newEnding()
	var ln net.Listener
	if ln, address, err = listenLocal(); err != nil {
		return "", err
	}
	g.server = grpc.NewServer(grpc.MaxRecvMsgSize(2 * mostBody))
	g.server.RegisterService(&grpcDescription, g)
	go g.server.Serve(ln)
	return address, nil
}

func (g *grpcServer) take(s grpc.ServerStream) error {
	arrivals := newArrivals(g.order)
	for {
		m := new(wrapperspb.BytesValue)
		if err := s.RecvMsg(m); errors.Is(err, io.EOF) {
			return s.SendMsg(new(wrapperspb.BytesValue))
		} else if err != nil {
			return err
		}
		last, err := arrivals.add(m.Value)
		g.ending.took(arrivals, last, err)
		if err != nil {
			return err
		}
	}
}

func (g *grpcServer) work(stop <-chan struct{}) (tally, error) {
	if g.order.Post {
		return g.ending.wait(stop)
	}
	<-stop
	return tally{Messages: g.calls.count.Load()}, nil
}

func (g *grpcServer) close() error {
	if g.server != nil {
		g.server.Stop()
	}
	return nil
}

// grpcClient is the other side.
type grpcClient struct {
	order order
	conn  *grpc.ClientConn
}

func (g *grpcClient) prepare(o order) (_ string, err error) {
	g.order = o
	g.conn, err = grpc.NewClient(o.Address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(2*mostBody)))
	return "", err
}

func (g *grpcClient) work(<-chan struct{}) (tally, error) {
	ctx := context.Background()
	if g.order.Post {
		return g.stream(ctx)
	}
	return ask(g.order, func(int) (trip, error) {
		return func(body []byte) ([]byte, error) {
			answer := new(wrapperspb.BytesValue)
			err := g.conn.Invoke(ctx, grpcEcho, &wrapperspb.BytesValue{Value: body}, answer)
			return answer.Value, err
		}, nil
	})
}

func (g *grpcClient) stream(ctx context.Context) (tally, error) {
	s, err := g.conn.NewStream(ctx, &grpcTakeStream, grpcTake)
	if err != nil {
		return tally{}, err
	}
	watch := newStopwatch(g.order)
	m := new(wrapperspb.BytesValue)
	err = stream(g.order, measure.NewPace(float64(g.order.Rate)), watch, func(body []byte) error {
		m.Value = body // it is marshalled before SendMsg returns
		return s.SendMsg(m)
	})
	if err == nil {
		err = s.CloseSend()
	}
	if err == nil {
		err = s.RecvMsg(new(wrapperspb.BytesValue))
	}
	if err != nil {
		return tally{}, err
	}
	return watch.stop()
}

func (g *grpcClient) close() error {
	if g.conn == nil {
		return nil
	}
	return g.conn.Close()
}
