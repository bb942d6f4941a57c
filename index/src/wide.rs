//! Codes compared by the instructions that count the bits of eight words at once: of the x86
//! processors those since Ice Lake (2019) and Zen 4 (2022). `pulp` knows AVX-512 only without
//! them.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cvtepi64_ps, _mm512_popcnt_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_slli_epi64, _mm512_xor_si512,
};

use pulp::cast;

use crate::codes::{Counts, LANES, Likely};

/// What `#[target_feature]` below needs of the processor.
macro_rules! each_feature {
    ($has:ident) => {
        $has!("avx512f")
            && $has!("avx512dq")
            && $has!("avx512vl")
            && $has!("avx512vpopcntdq")
            && $has!("avx2")
    };
}

/// Shows the likely ones; false where the processor can't.
pub(crate) fn show(likely: Likely<'_>) -> Result<(), Likely<'_>> {
    if !each_feature!(is_x86_feature_detected) {
        return Err(likely);
    }
    #[expect(unsafe_code, reason = "the processor has just been asked for all of them")]
    unsafe {
        counted(likely);
    }
    Ok(())
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512vpopcntdq,avx2")]
fn counted(likely: Likely<'_>) {
    let asked = likely.asked;
    let all = |word: &u64| _mm512_set1_epi64(word.cast_signed());
    let apart = |code: &[[u64; LANES]]| -> Counts {
        let (mut apart, mut far_apart) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        for (words, [side, far]) in code.iter().zip(&asked.sides) {
            let differs = _mm512_xor_si512(lanes(words), all(side));
            apart = _mm512_add_epi64(apart, _mm512_popcnt_epi64(differs));
            let far = _mm512_and_si512(differs, all(far));
            far_apart = _mm512_add_epi64(far_apart, _mm512_popcnt_epi64(far));
        }
        [
            cast(_mm512_cvtepi64_ps(apart)),
            cast(_mm512_cvtepi64_ps(far_apart)),
        ]
    };
    let weighed = |code: &[[u64; LANES]]| -> Counts {
        let (mut bits, mut weighed) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        for (words, planes) in code.iter().zip(&asked.planes) {
            let words = lanes(words);
            bits = _mm512_add_epi64(bits, _mm512_popcnt_epi64(words));
            // By Horner: each plane weighs twice the one before.
            let mut sum = _mm512_setzero_si512();
            for plane in planes.iter().rev() {
                let set = _mm512_popcnt_epi64(_mm512_and_si512(words, all(plane)));
                sum = _mm512_add_epi64(_mm512_slli_epi64::<1>(sum), set);
            }
            weighed = _mm512_add_epi64(weighed, sum);
        }
        [cast(_mm512_cvtepi64_ps(bits)), cast(_mm512_cvtepi64_ps(weighed))]
    };
    likely.everywhere(apart, weighed);
}

#[inline(always)]
fn lanes(words: &[u64; LANES]) -> __m512i {
    cast(*words)
}
