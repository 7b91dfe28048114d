// Gin around Go's own httputil.ReverseProxy: `reverse-proxy PORT UPSTREAM`.
package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"

	"github.com/gin-gonic/gin"
)

func main() {
	upstream, err := url.Parse(os.Args[2])
	if err != nil {
		panic(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 256
	transport.MaxIdleConnsPerHost = 256
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	proxy.Transport = transport
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Any("/*path", func(c *gin.Context) { proxy.ServeHTTP(c.Writer, c.Request) })
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], engine))
}
