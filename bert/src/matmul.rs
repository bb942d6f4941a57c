//! Matrix products on `gemm`, behind one safe function that checks every extent first.

/// A matrix seen through strides: element (r, c) is `data[r * rows + c * columns]`.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub data: &'a [f32],
    /// Distance between rows.
    pub rows: usize,
    /// Distance between columns.
    pub columns: usize,
}

/// What becomes of the values that the target holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    Overwrite,
    Add,
}

/// `target (+)= a·b`, where `a` is `m × k`, `b` is `k × n`, and row r of the target
/// starts at `r * stride`.
///
/// # Panics
///
/// When a matrix does not fit its slice, or `stride < n`.
pub(super) fn product(
    (m, k, n): (usize, usize, usize),
    a: View<'_>,
    b: View<'_>,
    target: &mut [f32],
    stride: usize,
    into: Into,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(stride >= n, "rows of the target overlap");
    assert!(fits(target.len(), m, stride, n, 1), "the target is too short");
    assert!(
        fits(a.data.len(), m, a.rows, k, a.columns),
        "the left matrix is too short"
    );
    assert!(
        fits(b.data.len(), k, b.rows, n, b.columns),
        "the right matrix is too short"
    );
    // gemm is fastest when the rows of its target are contiguous, so it is given the
    // transposed product: targetᵀ = bᵀ·aᵀ.
    // SAFETY: the assertions prove that every address gemm forms lies inside its slice
    // (the largest index of each matrix is checked, without overflow; all strides are
    // non-negative and slices are at most isize::MAX bytes long, so the casts hold).
    // `target` is borrowed mutably, so it overlaps neither input, and no two of its
    // elements share an address because `stride >= n`.
    #[expect(
        unsafe_code,
        reason = "gemm takes raw pointers; every extent is checked above"
    )]
    unsafe {
        gemm::gemm(
            n,
            m,
            k,
            target.as_mut_ptr(),
            stride as isize,
            1,
            into == Into::Add,
            b.data.as_ptr(),
            b.rows as isize,
            b.columns as isize,
            a.data.as_ptr(),
            a.rows as isize,
            a.columns as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Whether an `m × n` matrix with these strides lies inside `len` elements.
fn fits(len: usize, m: usize, rows: usize, n: usize, columns: usize) -> bool {
    let (Some(m), Some(n)) = (m.checked_sub(1), n.checked_sub(1)) else {
        return true;
    };
    let last = m
        .checked_mul(rows)
        .and_then(|r| r.checked_add(n.checked_mul(columns)?));
    last.is_some_and(|last| last < len)
}

/// Outputs of one panel: what gemm's kernel on 512-bit vectors computes in one go.
const PANEL: usize = 64;

/// A linear layer. Its weights lie in panels of [`PANEL`] outputs (the last may be
/// narrower), each `input × outputs of the panel`: a product reads them from front to
/// back, which matters most for a single short text, whose time is spent on reading.
pub(super) struct Linear {
    input: usize,
    output: usize,
    panels: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Linear {
    /// From weights as they are stored: `output` rows of `input`.
    pub(super) fn new(input: usize, bias: Vec<f32>, stored: &[f32]) -> Self {
        let output = bias.len();
        let mut panels = vec![0.0; input * output];
        let turned = panels.chunks_mut(PANEL * input);
        for (panel, stored) in turned.zip(stored.chunks(PANEL * input)) {
            let width = stored.len() / input;
            for (o, row) in stored.chunks_exact(input).enumerate() {
                for (value, target) in row.iter().zip(panel[o..].iter_mut().step_by(width)) {
                    *target = *value;
                }
            }
        }
        Self {
            input,
            output,
            panels,
            bias,
        }
    }

    /// `target (+)= x·weights` for the rows of `x`; the bias is left to the caller, who
    /// adds it where the values are read next.
    pub(super) fn apply(&self, x: &[f32], target: &mut [f32], into: Into) {
        let a = View {
            data: x,
            rows: self.input,
            columns: 1,
        };
        let rows = x.len() / self.input;
        for (index, panel) in self.panels.chunks(PANEL * self.input).enumerate() {
            let width = panel.len() / self.input;
            let b = View {
                data: panel,
                rows: width,
                columns: 1,
            };
            let target = &mut target[index * PANEL..];
            product((rows, self.input, width), a, b, target, self.output, into);
        }
    }
}
