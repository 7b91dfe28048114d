// Gin with one route: `server PORT PATH BODY`. Others may listen on its port. Prints a line when it listens, and ends on
// SIGTERM when all that it was asked is answered.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sys/unix"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET(os.Args[2], func(c *gin.Context) { c.String(http.StatusOK, os.Args[3]) })
	shared := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlled := raw.Control(func(file uintptr) {
			err = unix.SetsockoptInt(int(file), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if controlled != nil {
			return controlled
		}
		return err
	}}
	listener, err := shared.Listen(context.Background(), "tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	server := &http.Server{Handler: engine}
	go server.Serve(listener)
	fmt.Println("ready")
	<-ended
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server.Shutdown(deadline)
}
