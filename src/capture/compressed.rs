//! Compressed captures: gzip, zstd, lz4 and xz, told by their first bytes, never by a file name.
//!
//! All of them may hold several members one after another (rotated captures are joined that way), and all
//! may be cut: whatever came before the cut is delivered before the error.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder as Lz4;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as Zstd};

/// Compressed bytes read at a time.
const INPUT: usize = 256 << 10;
/// The largest window asked for in practice is 128 MiB (`zstd --long=27`); xz -9 needs 65 MiB.
const MAX_MEMORY: u32 = 128 << 20;
/// Skippable frames (RFC 8878, 3.1.2): the last nibble is free.
const SKIPPABLE: u32 = 0x184d_2a50;

/// A compression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Codec {
    Gzip,
    Zstd,
    Lz4,
    Xz,
}

impl Codec {
    /// By the first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magic = u32::from_le_bytes(*head.first_chunk()?);
        match magic {
            _ if head.starts_with(&[0x1f, 0x8b, 8]) => Some(Self::Gzip),
            _ if head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) => Some(Self::Xz),
            0xfd2f_b528 => Some(Self::Zstd),
            // The second one is the legacy frame of the Linux kernel and old lz4 tools.
            0x184d_2204 | 0x184c_2102 => Some(Self::Lz4),
            // pzstd writes a skippable frame first; lz4 tools never do.
            _ if magic & !15 == SKIPPABLE => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
        }
    }
}

/// The decompressed bytes of `read`.
pub(super) fn open(codec: Codec, read: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    let input = BufReader::with_capacity(INPUT, read);
    match codec {
        Codec::Gzip => Box::new(Explained::new(codec, MultiGzDecoder::new(input))),
        Codec::Zstd => Box::new(Explained::new(codec, ZstdFrames::new(input))),
        Codec::Lz4 => Box::new(Explained::new(codec, Lz4Frames(Lz4::new(input)))),
        Codec::Xz => {
            let xz = XzReader::new_mem_limit(input, true, MAX_MEMORY >> 10);
            Box::new(Explained::new(codec, Sips::new(xz)))
        }
    }
}

/// Puts the compression into the message, and stays ended after an error.
struct Explained<R> {
    codec: Codec,
    read: R,
    over: bool,
}

impl<R> Explained<R> {
    fn new(codec: Codec, read: R) -> Self {
        Self {
            codec,
            read,
            over: false,
        }
    }
}

impl<R: Read> Read for Explained<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over {
            return Ok(0);
        }
        self.read.read(buffer).map_err(|error| {
            self.over = error.kind() != io::ErrorKind::Interrupted;
            let codec = self.codec.name();
            if error.kind() == io::ErrorKind::UnexpectedEof {
                io::Error::new(error.kind(), format!("the {codec} data ends too early"))
            } else {
                io::Error::new(
                    error.kind(),
                    format!("the {codec} data is damaged ({error})"),
                )
            }
        })
    }
}

/// Fills a buffer in small reads. lzma-rust2 forgets what it has put into the buffer of a read that meets
/// the end of the input; this way that is little.
struct Sips<R> {
    read: R,
    failed: Option<io::Error>,
}

impl<R> Sips<R> {
    /// Bytes of one read: decoding them takes microseconds, so the calls do not count.
    const SIZE: usize = 512;

    fn new(read: R) -> Self {
        Self { read, failed: None }
    }
}

impl<R: Read> Read for Sips<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut filled = 0;
        for sip in buffer.chunks_mut(Self::SIZE) {
            match self.read.read(sip) {
                Ok(count) => {
                    filled += count;
                    if count < sip.len() {
                        break;
                    }
                }
                Err(error) if filled > 0 => {
                    self.failed = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// lz4_flex stops after each frame and goes on when asked again.
struct Lz4Frames<R: Read>(Lz4<BufReader<R>>);

impl<R: Read> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(buffer)?;
            if count > 0 || buffer.is_empty() || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(count);
            }
        }
    }
}

/// Frame after frame of zstd. The decoder is driven block by block, because its own reader drops what is
/// decoded and not yet fetched when the input ends early.
struct ZstdFrames<R> {
    input: R,
    decoder: Zstd,
    state: State,
}

enum State {
    /// Before a frame.
    Between,
    Within,
    /// After an error; what is decoded is still to be fetched.
    Failed(Option<io::Error>),
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(input: R) -> Self {
        let mut decoder = Zstd::new();
        decoder.set_max_window_size(MAX_MEMORY.into());
        Self {
            input,
            decoder,
            state: State::Between,
        }
    }

    /// False at the end of the input.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.input.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.input) {
                Ok(()) => {
                    self.state = State::Within;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(
                        &mut self.input.by_ref().take(length.into()),
                        &mut io::sink(),
                    )?;
                }
                Err(error) => return Err(explain(&mut self.input, error)),
            }
        }
        Ok(false)
    }

    fn decode_block(&mut self) {
        let one = || BlockDecodingStrategy::UptoBlocks(1);
        if let Err(error) = self.decoder.decode_blocks(&mut self.input, one()) {
            let error = explain(&mut self.input, error);
            // The decoder holds back a window's worth until the frame is finished. An empty last block
            // (RFC 8878, 3.1.1.2) and room for a checksum finish it.
            let _ = self
                .decoder
                .decode_blocks(&[1, 0, 0, 0, 0, 0, 0][..], one());
            self.state = State::Failed(Some(error));
        }
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let count = match self.state {
                State::Between => 0,
                _ => self.decoder.read(buffer)?,
            };
            if count > 0 {
                return Ok(count);
            }
            match &mut self.state {
                State::Failed(error) => return error.take().map_or(Ok(0), Err),
                State::Within if !self.decoder.is_finished() => self.decode_block(),
                State::Within if checksum_is_wrong(&self.decoder) => {
                    self.state = State::Failed(Some(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "its checksum is wrong",
                    )));
                }
                State::Within | State::Between => {
                    if !self.begin_frame()? {
                        self.state = State::Failed(None);
                    }
                }
            }
        }
    }
}

fn checksum_is_wrong(decoder: &Zstd) -> bool {
    match (
        decoder.get_checksum_from_data(),
        decoder.get_calculated_checksum(),
    ) {
        (Some(stored), Some(calculated)) => stored != calculated,
        _ => false,
    }
}

/// ruzstd wraps the end of the input into errors of its own; whether the input is at its end says more.
fn explain<R: BufRead>(input: &mut R, error: impl std::error::Error) -> io::Error {
    match input.fill_buf() {
        Ok([]) => io::ErrorKind::UnexpectedEof.into(),
        Ok(_) => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
        Err(error) => error,
    }
}
