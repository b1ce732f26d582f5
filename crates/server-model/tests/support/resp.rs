//! A connection to a real server, RESP2.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use server_model::Reply;

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream: BufReader::new(stream), out: Vec::new() })
    }

    /// Adds a command to those that `flush` sends.
    pub(crate) fn push(&mut self, parts: &[impl AsRef<[u8]>]) {
        write!(self.out, "*{}\r\n", parts.len()).unwrap();
        for part in parts {
            let part = part.as_ref();
            write!(self.out, "${}\r\n", part.len()).unwrap();
            self.out.extend_from_slice(part);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    pub(crate) fn flush(&mut self) {
        self.stream.get_mut().write_all(&self.out).unwrap();
        self.out.clear();
    }

    pub(crate) fn command(&mut self, parts: &[impl AsRef<[u8]>]) -> Reply {
        self.push(parts);
        self.flush();
        self.read()
    }

    pub(crate) fn read(&mut self) -> Reply {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).unwrap();
        let text = line.strip_suffix(b"\r\n").expect("the server closed the connection");
        let rest = String::from_utf8_lossy(&text[1..]).into_owned();
        match text[0] {
            b'+' => Reply::Text(rest.into_bytes()),
            b'-' => Reply::Error(rest),
            b':' => Reply::Int(rest.parse().unwrap()),
            b'$' if rest == "-1" => Reply::Nil,
            b'$' => {
                let mut body = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.stream.read_exact(&mut body).unwrap();
                body.truncate(body.len() - 2);
                Reply::Text(body)
            }
            b'*' if rest == "-1" => Reply::Nil,
            b'*' => Reply::Array((0..rest.parse().unwrap()).map(|_| self.read()).collect()),
            other => panic!("a reply begins with {other}"),
        }
    }
}

/// The parts of an array.
pub(crate) fn array(reply: Reply) -> Vec<Reply> {
    match reply {
        Reply::Array(parts) => parts,
        other => panic!("an array was expected, not {other:?}"),
    }
}

/// A string.
pub(crate) fn text(reply: Reply) -> Vec<u8> {
    match reply {
        Reply::Text(text) => text,
        other => panic!("a string was expected, not {other:?}"),
    }
}
