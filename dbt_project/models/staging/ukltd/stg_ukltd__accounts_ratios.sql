with

source as (

    select * from {{ source('ukltd', 'ac06') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('ac06') }}
    from source

),

typed as (

    select
        {{ typed_columns('ac06') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('ac06') }}
    from typed

)

select * from final
