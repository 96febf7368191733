"""The rasteriser lights the dots it should."""

import numpy as np

from iml_tui.ui.plotting.braille import BLANK, draw_band, draw_line, pack


def text(dots: np.ndarray) -> list[str]:
    return ["".join(chr(BLANK + int(bits)) for bits in row) for row in pack(dots)]


def area(rows: int, columns: int) -> np.ndarray:
    return np.zeros((4 * rows, 2 * columns), dtype=np.bool_)


def line(dots: np.ndarray, *points: tuple[float, float], pattern: tuple[int, ...] = ()) -> np.ndarray:
    x, y = np.array(points, dtype=np.float64).T
    draw_line(dots, x, y, pattern)
    return dots


def test_every_dot_has_its_bit() -> None:
    for row in range(4):
        for column in range(2):
            dots = area(1, 1)
            dots[row, column] = True
            assert text(dots) == [["⠁⠈", "⠂⠐", "⠄⠠", "⡀⢀"][row][column]]


def test_a_level_a_vertical_and_a_diagonal_line() -> None:
    assert text(line(area(1, 3), (0, 3.5), (5.5, 3.5))) == ["⣀⣀⣀"]
    assert text(line(area(2, 1), (0.5, 0), (0.5, 7.5))) == ["⡇", "⡇"]
    assert text(line(area(1, 2), (0, 0), (3.5, 3.5))) == ["⠑⢄"]


def test_steps_of_exactly_one_dot_leave_no_hole() -> None:
    for start, stop in ((1.0, 95.0), (1.0, 47.0), (48.0, 95.0)):
        dots = line(area(1, 48), (start, 2), (stop, 2.1))
        assert dots[2].sum() == stop - start + 1


def test_nan_interrupts_a_line() -> None:
    dots = line(area(1, 4), (0, 0), (1.5, 0), (np.nan, np.nan), (6, 0), (7.5, 0))
    assert text(dots) == ["⠉⠀⠀⠉"]
    assert not line(area(1, 4), (0, np.nan), (3, 1)).any()


def test_lines_are_cut_at_the_edges_however_far_they_go() -> None:
    dots = line(area(2, 2), (0.5, 4), (0.5, -1e300), (2.5, 1e300))
    assert dots[:4, 0].all()
    assert not line(area(2, 2), (0, -50), (3, -1)).any()
    assert not line(area(2, 2), (-9, 3), (-1, 3)).any()
    assert line(area(2, 2), (-1e6, 3), (1e6, 3))[3].all()


def test_a_pattern_leaves_gaps() -> None:
    dots = line(area(1, 10), (0, 0), (19.5, 0), pattern=(3, 2))
    assert 8 <= dots[0].sum() <= 14


def test_a_band_fills_its_columns_between_top_and_bottom() -> None:
    dots = area(2, 2)
    draw_band(dots, np.array([0, 1, 2, 3]), np.array([2.0, -50, np.nan, 9]), np.array([5.0, 0.5, 3, 12]))
    assert dots[:, 0].tolist() == [False, False, True, True, True, True, False, False]
    assert dots[:, 1].sum() == 1
    assert not dots[:, 2:].any()
